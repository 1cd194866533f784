#include "vtvc/composition/plain.hpp"

#include <torch/torch.h>

#include "products.hpp"

namespace vtvc {
namespace {

const at::Tensor& at_block(const std::vector<at::Tensor>& blocks, std::int64_t block) {
    return blocks.at(static_cast<std::size_t>(block));
}

}  // namespace

at::Tensor PlainWeights::linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) {
    const at::Tensor matrix = as_matrix(at_block(blocks_, weight));
    check_activations(x, matrix.size(1));
    return affine(x, matrix.t(), bias < 0 ? at::Tensor() : vector(bias), current_order());
}

at::Tensor PlainWeights::linear_transposed(const at::Tensor& x, std::int64_t weight) {
    const at::Tensor& matrix = at_block(blocks_, weight);
    check_activations(x, matrix.size(0));
    return affine(x, matrix, {}, current_order());
}

at::Tensor PlainWeights::vector(std::int64_t block) { return at_block(blocks_, block).unsqueeze(0); }

}  // namespace vtvc
