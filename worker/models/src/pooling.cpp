#include "pooling.hpp"

#include <torch/torch.h>

#include "vtvc/composition/batched_product.hpp"

namespace vtvc {

at::Tensor pool_tokens(const at::Tensor& x, const ModelKeys& keys) {
    if (keys.pool == Pool::class_token) return x.narrow(1, 0, 1);
    const std::int64_t first = keys.pool == Pool::patches && keys.class_token ? 1 : 0;
    const at::Tensor pooled = x.narrow(1, first, x.size(1) - first);
    if (at::GradMode::is_enabled()) return pooled.mean(1, true);
    // Torch sums in an order that depends on the size of the whole; a product of a fixed shape does not.
    const std::int64_t tokens = pooled.size(1);
    const at::Tensor mean = at::full({1, 1, tokens}, 1 / static_cast<double>(tokens), x.options());
    return batched_product(mean.expand({x.size(0), 1, tokens}), pooled);
}

}  // namespace vtvc
