// Element types and shapes.
#include "shapes.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc {

std::size_t size_of(ForeignType type) {
    switch (type) {
        case ForeignType::u8:
        case ForeignType::i8:
        case ForeignType::boolean:
            return 1;
        case ForeignType::f16:
        case ForeignType::bf16:
        case ForeignType::i16:
            return 2;
        case ForeignType::f32:
        case ForeignType::i32:
            return 4;
        case ForeignType::f64:
        case ForeignType::i64:
            break;
    }
    return 8;
}

std::string_view name_of(ForeignType type) {
    switch (type) {
        case ForeignType::f16:
            return "f16";
        case ForeignType::bf16:
            return "bf16";
        case ForeignType::f32:
            return "f32";
        case ForeignType::f64:
            return "f64";
        case ForeignType::u8:
            return "u8";
        case ForeignType::i8:
            return "i8";
        case ForeignType::i16:
            return "i16";
        case ForeignType::i32:
            return "i32";
        case ForeignType::i64:
            return "i64";
        case ForeignType::boolean:
            break;
    }
    return "bool";
}

bool is_floating(ForeignType type) {
    return type == ForeignType::f16 || type == ForeignType::bf16 || type == ForeignType::f32 ||
           type == ForeignType::f64;
}

std::int64_t ForeignTensor::elements() const {
    std::int64_t product = 1;
    for (const auto size : shape) product *= size;
    return product;
}

namespace foreign {

std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::size_t item) {
    // A zero anywhere makes the product zero; the other sizes must still not overflow, because
    // ForeignTensor::elements multiplies them in order.
    std::int64_t bytes = static_cast<std::int64_t>(item);
    bool empty = false;
    for (const auto size : shape) {
        if (size < 0) return std::nullopt;
        if (size == 0) empty = true;
        if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes)) return std::nullopt;
    }
    return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace foreign
}  // namespace vtvc
