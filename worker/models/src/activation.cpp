#include "vtvc/models/activation.hpp"

#include <torch/torch.h>

namespace vtvc {
namespace {

/// x·sigmoid(1.702x), written as silu(ax)/a: its derivative is silu's own at ax, so only ax is kept.
struct QuickGelu : torch::autograd::Function<QuickGelu> {
    static constexpr double a = 1.702;
    static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x) {
        const at::Tensor scaled = x * a;
        ctx->save_for_backward({scaled});
        return at::silu(scaled).mul_(1 / a);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   torch::autograd::variable_list gradients) {
        return {at::silu_backward(gradients[0], ctx->get_saved_variables()[0])};
    }
};

at::Tensor apply(const at::Tensor& x, Activation activation) {
    switch (activation) {
        case Activation::quick_gelu:
            // Forward derivatives know torch's own operations only.
            if (x._fw_grad(0).defined()) return at::silu(x * QuickGelu::a) * (1 / QuickGelu::a);
            return QuickGelu::apply(x);
        case Activation::gelu:
            return at::gelu(x);
        case Activation::gelu_tanh:
            return at::gelu(x, "tanh");
        case Activation::relu:
            return at::relu(x);
    }
    return x;
}

}  // namespace

at::Tensor activate(const at::Tensor& x, Activation activation) {
    // Torch computes the last few values of each thread's share one by one, by another exponential than its
    // vectors of 32, so that a sample's last bits would depend on its place in the batch. Evaluation fills
    // every sample up to whole vectors for every thread; of the usual sizes none needs it. ReLU has no
    // exponential.
    if (at::GradMode::is_enabled() || activation == Activation::relu || x.size(0) == 0)
        return apply(x, activation);
    const std::int64_t values = x.numel() / x.size(0), whole = 32 * at::get_num_threads();
    const std::int64_t missing = (whole - values % whole) % whole;
    if (missing == 0) return apply(x, activation);
    return apply(at::constant_pad_nd(x.reshape({x.size(0), values}), {0, missing}), activation)
        .narrow(1, 0, values)
        .reshape(x.sizes());
}

}  // namespace vtvc
