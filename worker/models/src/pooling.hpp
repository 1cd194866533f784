#pragma once
// From the tokens of a sample to the one that features are read from.
#include <ATen/core/Tensor.h>

#include "vtvc/core/model_keys.hpp"

namespace vtvc {

/// x [B, T, W], the class token first where the model has one → [B, 1, W]. In evaluation (no gradients) a
/// sample's bits do not depend on its batch.
at::Tensor pool_tokens(const at::Tensor& x, const ModelKeys& keys);

}  // namespace vtvc
