#include "convert.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace vtvc::foreign {

namespace {

static_assert(std::endian::native == std::endian::little, "tensors are read as the file has them");

float from_f16(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000U) << 16U;
    const std::uint32_t exponent = (half >> 10U) & 0x1fU;
    const std::uint32_t mantissa = half & 0x3ffU;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | mantissa << 13U);  // Inf, NaN
    if (exponent == 0) {  // zero and subnormals: mantissa · 2^-24, exact in f32
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    return std::bit_cast<float>(sign | (exponent + 112U) << 23U | mantissa << 13U);
}

template <class T>
T element(std::span<const std::byte> raw, std::size_t i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));  // tensors need no alignment in a file
    return value;
}

}  // namespace

void convert_to_f32(std::span<const std::byte> raw, ForeignType type, std::span<float> out) {
    switch (type) {
        case ForeignType::f16:
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = from_f16(element<std::uint16_t>(raw, i));
            break;
        case ForeignType::bf16:
            for (std::size_t i = 0; i < out.size(); ++i)
                out[i] = std::bit_cast<float>(std::uint32_t{element<std::uint16_t>(raw, i)} << 16U);
            break;
        case ForeignType::f64:
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(element<double>(raw, i));
            break;
        default:
            if (!out.empty()) std::memcpy(out.data(), raw.data(), out.size_bytes());
    }
}

}  // namespace vtvc::foreign
