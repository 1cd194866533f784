#pragma once
// One set of weights for all samples: pre-training, fine-tuning, merged models.
#include <ATen/core/Tensor.h>

#include <vector>

#include "vtvc/composition/weights.hpp"

namespace vtvc {

class PlainWeights final : public Weights {
  public:
    /// One tensor a block, in the model's order; kept by reference count, so that gradients reach them.
    explicit PlainWeights(std::vector<at::Tensor> blocks) : blocks_(std::move(blocks)) {}
    at::Tensor linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) override;
    at::Tensor linear_transposed(const at::Tensor& x, std::int64_t weight) override;
    at::Tensor vector(std::int64_t block) override;
    std::vector<at::Tensor>& blocks() { return blocks_; }

  private:
    std::vector<at::Tensor> blocks_;
};

}  // namespace vtvc
