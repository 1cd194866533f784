#pragma once
// The engine behind torch's tensors: composed products with their gradients, and plain products of evaluation
// with the same bits where nothing is composed.
#include <ATen/core/Tensor.h>

#include "packed_blocks.hpp"
#include "schemes.hpp"
#include "vtvc/composition/engine.hpp"

namespace vtvc {

/// Whether the engine multiplies such activations: float32 on the CPU, unless the settings want the
/// reference.
bool engine_takes(const at::Tensor& x);

/// One weight block of a bank.
struct EngineBlock {
    const BankView* bank;
    std::int64_t block;
    Layout layout;
};

/// x [B, T, I], z [B, K], bias [1 or B, O] or undefined → [B, T, O]. Gradients flow into all three; the
/// bank must outlive the backward pass.
at::Tensor engine_product(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const EngineBlock& block, Wanted wanted);

/// x [B, T, I] · w [I, O] + bias: what engine_product gives where no coefficient is active. No gradient.
at::Tensor engine_affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias);

}  // namespace vtvc
