#pragma once
// Tensors to and from files.
#include <ATen/core/Tensor.h>

#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

/// A copy, on the CPU, of the file tensor's type and shape.
at::Tensor to_tensor(const HostTensor& tensor);
/// f32, f64, i32, i64 and u8 tensors; detached, contiguous, row-major.
HostTensor to_host(const at::Tensor& tensor);

}  // namespace vtvc
