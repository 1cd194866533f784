#include "bank_codec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vtvc {

std::vector<std::uint16_t> to_bf16(std::span<const float> values) {
    constexpr std::uint32_t largest = 0x7F7F;
    std::vector<std::uint16_t> stored(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(values[i]);
        const auto rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        const auto sign = (bits >> 16) & 0x8000;
        stored[i] = static_cast<std::uint16_t>(sign | std::min(rounded & 0x7FFF, largest));
    }
    return stored;
}

void from_bf16(std::span<const std::uint16_t> stored, std::span<float> values) {
    for (std::size_t i = 0; i < stored.size(); ++i)
        values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(stored[i]) << 16);
}

Int8Rows to_int8(std::span<const float> values, MatrixSize size) {
    const auto columns = static_cast<std::size_t>(size.columns);
    Int8Rows rows{std::vector<std::int8_t>(values.size()), {}};
    for (std::size_t at = 0; at < values.size(); at += columns) {
        float largest = 0;
        for (std::size_t i = 0; i < columns; ++i) largest = std::max(largest, std::abs(values[at + i]));
        const float scale = largest / 127;  // 0 for a row of zeros, and for one too small to be scaled
        for (std::size_t i = 0; i < columns && scale > 0; ++i)
            rows.values[at + i] =
                static_cast<std::int8_t>(std::clamp(std::nearbyint(values[at + i] / scale), -127.0F, 127.0F));
        rows.scales.push_back(scale);
    }
    return rows;
}

void from_int8(std::span<const std::int8_t> stored, std::span<const float> scales, std::span<float> values) {
    const auto columns = scales.empty() ? 0 : stored.size() / scales.size();
    for (std::size_t row = 0; row < scales.size(); ++row)
        for (std::size_t i = row * columns; i < (row + 1) * columns; ++i)
            values[i] = static_cast<float>(stored[i]) * scales[row];
}

bool factors_pay(MatrixSize size, std::int64_t rank) {
    return rank * (size.rows + size.columns) < size.rows * size.columns;
}

void add_factors(const Factors& factors, std::int64_t columns, std::int64_t first, std::int64_t count,
                 std::span<float> values) {
    const auto low = std::max(first, factors.first_row);
    const auto high = std::min(first + count, factors.first_row + factors.rows);
    for (auto row = low; row < high; ++row) {
        float* out = values.data() + (row - first) * columns;
        const float* left = factors.left.data() + (row - factors.first_row) * factors.rank;
        for (std::int64_t r = 0; r < factors.rank; ++r) {
            const float* right = factors.right.data() + r * columns;
            for (std::int64_t i = 0; i < columns; ++i) out[i] += left[r] * right[i];
        }
    }
}

}  // namespace vtvc
