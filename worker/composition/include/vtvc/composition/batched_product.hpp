#pragma once
// Many small matrix products in one call: what per-sample weights and attention are made of. Torch's own
// batched product spends more time on bookkeeping than on arithmetic at our sizes where it has no MKL
// (Debian's build), and with MKL (PyTorch's builds) a product's last bits depend on how many there are. So on
// the CPU each goes to BLAS by itself.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vtvc {

/// out[…, M, N] = scale · a[…, M, K] · b[…, K, N] + keep · out, for one or two batch axes, equal in all three
/// (expand a shared operand). Any strides; out has a last stride of 1. float or double. No gradient is
/// recorded: for use inside autograd functions and in evaluation. On the CPU the bits of a product do not
/// depend on how many there are.
void batched_product_out(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale = 1,
                         double keep = 0);

/// a[B, M, K] · b[B, K, N] → [B, M, N]
at::Tensor batched_product(const at::Tensor& a, const at::Tensor& b);

/// out[b] = stacked[0] + Σ_k z[b, k] · stacked[1 + k], one k after another in the given order, which names
/// every k with a coefficient that is not zero: each row's bits are its own, and a zero coefficient changes
/// none. stacked [1 + K, N], z [B, K], out [B, N], all contiguous but z.
void accumulate_out(const at::Tensor& out, const at::Tensor& stacked, const at::Tensor& z,
                    const std::vector<std::int64_t>& order);

}  // namespace vtvc
