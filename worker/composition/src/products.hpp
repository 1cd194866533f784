#pragma once
// Products with one matrix for all samples, shared by plain weights and by blocks in which nothing is
// composed, so that z = 0 is the base network bit for bit.
//
// Evaluation (no gradients) must not let a sample's result depend on its batch. BLAS does not promise that:
// with OpenBLAS 0.3.21 a row of [B·T, I]·[I, O] differs in its last bits between some B (small products take
// another kernel), and so does a row of z·τ for K = 33 tasks and 577 columns. Hence two orders of summation.
#include <ATen/core/Tensor.h>

namespace vtvc {

enum class Summation {
    fastest,     ///< one product over the rows of all samples: training
    per_sample,  ///< each sample's product has a shape of its own, whatever the batch: evaluation
};
/// per_sample while gradients are off.
Summation current_summation();

/// x [B, T, I] · w [I, O] + bias [1 or B, O] (may be undefined) → [B, T, O]. Summation::fastest is
/// differentiable.
at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias, Summation summation);

/// x [B, T, I] · w [B, I, O] + bias [1 or B, O] (may be undefined) → [B, T, O]. Records no gradient.
at::Tensor batched_affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias);

/// A weight block as a matrix: everything after the first axis is flattened. [O, I]
at::Tensor as_matrix(const at::Tensor& weight);

/// Throws NumericError unless x is [B, T, inputs].
void check_activations(const at::Tensor& x, std::int64_t inputs);

}  // namespace vtvc
