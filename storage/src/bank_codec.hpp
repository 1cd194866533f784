#pragma once
// The storage kinds of a bank's task vectors: there and back. Deterministic: the same numbers give the same
// bytes on every machine and for every part that is expanded.
#include <cstdint>
#include <span>
#include <vector>

#include "bank_layout.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/factors.hpp"

namespace vtvc {

/// Nearest, ties to even; beyond the largest bf16 its largest.
std::vector<std::uint16_t> to_bf16(std::span<const float> values);
void from_bf16(std::span<const std::uint16_t> stored, std::span<float> values);

struct Int8Rows {
    std::vector<std::int8_t> values;
    std::vector<float> scales;  ///< largest magnitude of the row / 127
};
Int8Rows to_int8(std::span<const float> values, MatrixSize size);
void from_int8(std::span<const std::int8_t> stored, std::span<const float> scales, std::span<float> values);

/// The best approximation of a matrix by one of the given rank (Eckart-Young).
Factors truncated_svd(std::span<const float> values, MatrixSize size, std::int64_t rank);
/// Whether factors of this rank take fewer bytes than the matrix.
bool factors_pay(MatrixSize size, std::int64_t rank);

}  // namespace vtvc
