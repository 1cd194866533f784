#pragma once
// The same two calls for tensors that are not on the CPU, by torch's own operations.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vtvc {

/// As batched_product_out.
void device_product_out(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale,
                        double keep);

/// As accumulate_out.
void device_accumulate_out(const at::Tensor& out, const at::Tensor& stacked, const at::Tensor& z,
                           const std::vector<std::int64_t>& order);

}  // namespace vtvc
