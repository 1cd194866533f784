#include "products.hpp"

#include <torch/torch.h>

#include <sstream>

#include "vtvc/composition/batched_product.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

Summation current_summation() {
    return at::GradMode::is_enabled() ? Summation::fastest : Summation::per_sample;
}

at::Tensor batched_affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
    if (!bias.defined()) return batched_product(x, w);
    at::Tensor y =
        bias.unsqueeze(1).expand({x.size(0), x.size(1), w.size(2)}).clone(at::MemoryFormat::Contiguous);
    batched_product_out(y, x, w, 1, 1);
    return y;
}

at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias, Summation summation) {
    const std::int64_t samples = x.size(0), tokens = x.size(1), inputs = w.size(0), outputs = w.size(1);
    if (summation == Summation::per_sample)
        return batched_affine(x, w.expand({samples, inputs, outputs}), bias);
    const at::Tensor rows = x.reshape({samples * tokens, inputs});
    const bool shared_bias = bias.defined() && bias.size(0) == 1;
    const at::Tensor y =
        (shared_bias ? at::addmm(bias, rows, w) : at::mm(rows, w)).view({samples, tokens, outputs});
    return bias.defined() && !shared_bias ? y + bias.unsqueeze(1) : y;
}

at::Tensor as_matrix(const at::Tensor& weight) { return weight.dim() == 2 ? weight : weight.flatten(1); }

void check_activations(const at::Tensor& x, std::int64_t inputs) {
    if (x.dim() == 3 && x.size(2) == inputs) return;
    std::ostringstream shape;
    shape << x.sizes();
    fail<NumericError>(
        "activations of shape {} do not fit a weight with {} inputs; give [samples, tokens, {}]", shape.str(),
        inputs, inputs);
}

}  // namespace vtvc
