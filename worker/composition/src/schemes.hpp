#pragma once
// Schemes (a) and (b) of method.md section 1 for one weight block: the clear reference that a fused engine
// will be tested against. Shapes: x [B, T, I], z [B, K], bias [1 or B, O] or undefined → [B, T, O].
//
// In training they are autograd functions that keep activations and coefficients only and make per-sample
// weights again in the backward pass. In evaluation (the *_in_order forms, no gradient) tasks are added one
// after another, so that no sum depends on the batch (products.hpp).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vtvc {

enum class Layout { outputs_first, inputs_first };

/// A weight block as the matrix that it multiplies with, base and task vectors in one piece.
struct StackedMatrix {
    at::Tensor stacked;  ///< [1 + K, rows · columns]
    std::int64_t rows, columns;
    Layout layout;

    std::int64_t tasks() const { return stacked.size(0) - 1; }
    std::int64_t inputs() const { return layout == Layout::outputs_first ? columns : rows; }
    std::int64_t outputs() const { return layout == Layout::outputs_first ? rows : columns; }
    /// W0, τ_0, τ_1, … as [I, O]
    at::Tensor factor(std::int64_t row) const { return as_factors(stacked[row]); }
    /// […, rows · columns] → […, I, O]
    at::Tensor as_factors(const at::Tensor& flat) const;
};

/// W_b = W0 + Σ_k z_bk τ_k, task after task, of the given tasks: a zero coefficient changes no bit.
/// stacked [1 + K, n] → [B, n]
at::Tensor compose_in_order(const at::Tensor& stacked, const at::Tensor& z,
                            const std::vector<std::int64_t>& tasks);

/// Scheme (a).
at::Tensor materialised(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                        const StackedMatrix& matrix);
at::Tensor materialised_in_order(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                                 const StackedMatrix& matrix, const std::vector<std::int64_t>& tasks);
/// Scheme (b).
at::Tensor mixed(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                 const StackedMatrix& matrix);
at::Tensor mixed_in_order(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const StackedMatrix& matrix, const std::vector<std::int64_t>& tasks);

}  // namespace vtvc
