#include "vtvc/composition/plain.hpp"

#include <torch/torch.h>

#include "engine_product.hpp"
#include "products.hpp"

namespace vtvc {
namespace {

const at::Tensor& at_block(const std::vector<at::Tensor>& blocks, std::int64_t block) {
    return blocks.at(static_cast<std::size_t>(block));
}

/// In evaluation by the engine, so that a sample that composes nothing has these very bits.
at::Tensor multiply(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
    const Summation summation = current_summation();
    const bool engine =
        summation == Summation::per_sample && engine_takes(x) && w.scalar_type() == at::kFloat;
    return engine ? engine_affine(x, w, bias) : affine(x, w, bias, summation);
}

}  // namespace

at::Tensor PlainWeights::linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) {
    const at::Tensor matrix = as_matrix(at_block(blocks_, weight));
    check_activations(x, matrix.size(1));
    return multiply(x, matrix.t(), bias < 0 ? at::Tensor() : vector(bias));
}

at::Tensor PlainWeights::linear_transposed(const at::Tensor& x, std::int64_t weight) {
    const at::Tensor& matrix = at_block(blocks_, weight);
    check_activations(x, matrix.size(0));
    return multiply(x, matrix, {});
}

at::Tensor PlainWeights::vector(std::int64_t block) { return at_block(blocks_, block).unsqueeze(0); }

}  // namespace vtvc
