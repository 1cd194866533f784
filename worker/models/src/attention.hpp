#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vtvc {

/// Multi-head self-attention softmax(q kᵀ/√d) v of the first `queries` tokens to all tokens.
/// qkv [B, T, 3W]: q, k and v of all heads side by side, as CLIP's in_proj gives them. → [B, queries, W]
at::Tensor attend(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries);

}  // namespace vtvc
