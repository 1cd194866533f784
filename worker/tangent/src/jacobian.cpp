#include "vtvc/tangent/jacobian.hpp"

#include <torch/torch.h>

namespace vtvc {

Expansion backward_jacobian(const Vit& vit, const BankView& bank, const Classifier& classify,
                            const at::Tensor& images, const at::Tensor& centre) {
    const at::AutoGradMode recording(true);
    const at::Tensor z =
        centre.detach().expand({images.size(0), bank.tasks(), bank.coefficients()}).clone().requires_grad_();
    const auto weights = make_composed(bank, z);
    const at::Tensor logits = classify(vit.forward(images, *weights));
    const std::int64_t classes = logits.size(1);
    Expansion made{logits.detach(),
                   at::empty({z.size(0), classes, z.size(1), z.size(2)}, z.options().requires_grad(false))};
    for (std::int64_t c = 0; c < classes; ++c) {
        // Samples do not meet in the network, so the sum over them has each one's own derivative.
        const auto gradient = torch::autograd::grad({logits.select(1, c).sum()}, {z}, {}, c + 1 < classes);
        made.jacobian.select(1, c).copy_(gradient[0]);
    }
    return made;
}

std::int64_t passes(JacobianMode mode, std::int64_t classes, const BankView& bank) {
    return mode == JacobianMode::forward ? bank.tasks() * bank.coefficients() : classes;
}

JacobianMode resolved_mode(JacobianMode mode, std::int64_t classes, const BankView& bank) {
    if (mode != JacobianMode::automatic) return mode;
    return passes(JacobianMode::forward, classes, bank) < passes(JacobianMode::backward, classes, bank)
               ? JacobianMode::forward
               : JacobianMode::backward;
}

}  // namespace vtvc
