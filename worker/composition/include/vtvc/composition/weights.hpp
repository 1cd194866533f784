#pragma once
// What a network asks of its parameters. Networks are written once against these composed operations; plain
// training, per-sample composition (schemes a and b of method.md section 1) and later a fused or sharded
// engine stand behind the same calls. block: index into the model's list of blocks (models/vit.hpp).
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vtvc {

class Weights {
  public:
    virtual ~Weights() = default;
    /// x [B, T, I] with weight block [O, I] (or any shape that flattens to it after the first axis, such as a
    /// patch convolution's [O, C, p, p]) and bias block [O], −1: none. → [B, T, O]
    virtual at::Tensor linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) = 0;
    /// x [B, T, I] with weight block [I, O] (CLIP's proj lies so). → [B, T, O]
    virtual at::Tensor linear_transposed(const at::Tensor& x, std::int64_t weight) = 0;
    /// A block of shape [n…] as [1, n…] or, where samples differ, [B, n…]: biases, LayerNorm, class and
    /// position embeddings.
    virtual at::Tensor vector(std::int64_t block) = 0;
};

/// LayerNorm over the last axis with composed scale and shift. x [B, T, W].
at::Tensor composed_layer_norm(Weights& weights, const at::Tensor& x, std::int64_t scale, std::int64_t shift,
                               double eps = 1e-5);

}  // namespace vtvc
