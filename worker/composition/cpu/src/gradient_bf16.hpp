#pragma once
// Tiles of dW from products in bf16 (AVX-512's vdpbf16ps: two tokens at once), for training where ∂z may have
// an error of half a per cent of its size. Never for checks of gradients.
#include <cstdint>

#include "kernels.hpp"
#include "vtvc/composition/operands.hpp"

namespace vtvc::cpu {

/// Whether this processor and build have the instruction.
bool has_bf16_products();

/// Rows of a tile of dW.
constexpr std::int64_t kBf16Rows = 24;

/// Columns [first, first + width) of every token, width 16 or 24, rounded to nearest and two tokens side by
/// side → [samples][(tokens + 1) / 2][width] of 32 bits; zeros beyond the last token and column.
void copy_bf16_columns(const Activations& from, std::int64_t first, std::int64_t width, std::uint32_t* to);

/// As Kernels::gradient with such x [pairs][24] and dy [pairs][16], where a.tokens counts pairs; a.x and a.dy
/// are not used.
void bf16_gradient(const GradientArguments& a, const std::uint32_t* x, const std::uint32_t* dy);

}  // namespace vtvc::cpu
