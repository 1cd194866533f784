#include "stored_product.hpp"

#include <array>
#include <bit>

namespace vtvc {
namespace {

/// A bf16 number: the high half of a float.
struct Half {
    std::uint16_t bits;
};
float real(float x) { return x; }
float real(Half x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }
float real(std::int8_t x) { return static_cast<float>(x); }

/// Sixteen sums side by side, so that the compiler has vectors to fill; added in a fixed order.
template <class Number>
float dot(const Number* a, const float* b, std::int64_t length) {
    constexpr std::int64_t lanes = 16;
    std::array<float, lanes> sums{};
    std::int64_t i = 0;
    for (; i + lanes <= length; i += lanes)
        for (std::int64_t l = 0; l < lanes; ++l)
            sums[static_cast<std::size_t>(l)] += real(a[i + l]) * b[i + l];
    for (std::int64_t l = 0; i < length; ++i, ++l) sums[static_cast<std::size_t>(l)] += real(a[i]) * b[i];
    float sum = 0;
    for (const float s : sums) sum += s;
    return sum;
}

/// body(numbers, scale, class, first coefficient) for every piece of the row.
template <class Number, class Body>
void each_piece(const StoredRow& row, const Body& body) {
    const auto* numbers = static_cast<const Number*>(row.numbers);
    for (std::int64_t c = 0; c < row.classes; ++c)
        for (std::int64_t s = 0; s < row.segments; ++s) {
            const std::int64_t piece = c * row.segments + s;
            body(numbers + piece * row.length, row.scales == nullptr ? 1.0F : row.scales[piece], c,
                 s * row.length);
        }
}

template <class Body>
void by_kind(const StoredRow& row, const Body& body) {
    switch (row.kind) {
        case NumberKind::f32:
            return each_piece<float>(row, body);
        case NumberKind::bf16:
            return each_piece<Half>(row, body);
        case NumberKind::int8:
            return each_piece<std::int8_t>(row, body);
    }
}

}  // namespace

void add_change(const StoredRow& row, const float* change, float* logits) {
    by_kind(row, [&](const auto* numbers, float scale, std::int64_t c, std::int64_t first) {
        logits[c] += scale * dot(numbers, change + first, row.length);
    });
}

void add_gradient(const StoredRow& row, const float* slope, float* gradient) {
    by_kind(row, [&](const auto* numbers, float scale, std::int64_t c, std::int64_t first) {
        const float factor = scale * slope[c];
        for (std::int64_t i = 0; i < row.length; ++i) gradient[first + i] += factor * real(numbers[i]);
    });
}

}  // namespace vtvc
