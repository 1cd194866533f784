#pragma once
// The non-linearities of networks and heads.
#include <ATen/core/Tensor.h>

#include "vtvc/core/model_keys.hpp"

namespace vtvc {

/// Of every value of x [B, …], differentiable. In evaluation (no gradients) a sample's bits do not depend on
/// its batch.
at::Tensor activate(const at::Tensor& x, Activation activation);

}  // namespace vtvc
