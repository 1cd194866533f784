#include "vtvc/composition/weights.hpp"

#include <torch/torch.h>

#include "products.hpp"

namespace vtvc {

at::Tensor composed_layer_norm(Weights& weights, const at::Tensor& x, std::int64_t scale, std::int64_t shift,
                               double eps) {
    const at::Tensor gain = weights.vector(scale), offset = weights.vector(shift);
    const std::int64_t width = x.size(-1);
    const bool shared = gain.size(0) == 1 && offset.size(0) == 1;
    // The fused form rounds differently; evaluation keeps to one form, so that a sample does not feel whether
    // another one of its batch composes this block.
    if (shared && current_summation() == Summation::fastest)
        return at::layer_norm(x, {width}, gain[0], offset[0], eps);
    return at::addcmul(offset.unsqueeze(1), at::layer_norm(x, {width}, {}, {}, eps), gain.unsqueeze(1));
}

}  // namespace vtvc
