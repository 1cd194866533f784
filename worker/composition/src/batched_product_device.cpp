#include "batched_product_device.hpp"

#include <torch/torch.h>

namespace vtvc {

void device_product_out(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale,
                        double keep) {
    const at::NoGradGuard raw;
    at::Tensor product = at::matmul(a, b);
    if (scale != 1) product.mul_(scale);
    if (keep == 0) {
        out.copy_(product);
    } else {
        out.mul_(keep).add_(product);
    }
}

void device_accumulate_out(const at::Tensor& out, const at::Tensor& stacked, const at::Tensor& z,
                           const std::vector<std::int64_t>& order) {
    const at::NoGradGuard raw;
    out.copy_(stacked.narrow(0, 0, 1).expand_as(out));
    for (const std::int64_t k : order) out.addcmul_(z.narrow(1, k, 1), stacked.narrow(0, k + 1, 1));
}

}  // namespace vtvc
