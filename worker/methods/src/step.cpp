#include "vtvc/methods/step.hpp"

#include <torch/torch.h>

namespace vtvc {

const std::vector<std::string>& posterior_metrics() {
    static const std::vector<std::string> names{"loss",    "accuracy",  "ce",     "kl_spike",
                                                "kl_slab", "inclusion", "nonzero"};
    return names;
}

std::vector<double> posterior_step(Posterior& posterior, const Batch& batch, std::int64_t step,
                                   std::int64_t global, const LossesOf& losses_of) {
    const PosteriorSettings& settings = posterior->settings();
    const std::int64_t draws = settings.posterior.family == Family::point ? 1 : settings.relaxation.samples;
    std::vector<double> sums(posterior_metrics().size(), 0.0);
    const PosteriorOutput out = posterior->forward(
        batch.features, settings.datasets > 0 ? batch.task : at::Tensor(), batch.ids, step);
    at::Tensor objective;  // Σ over own samples of CE + weighted KL, a mean over the draws
    for (std::int64_t s = 0; s < draws; ++s) {
        const PosteriorDraw draw = posterior->sample(out, batch.ids, step, s);
        const SampleLosses losses = losses_of(draw.z);
        const at::Tensor kl = weighted_kl(draw, settings, step);
        const at::Tensor part = (losses.cross_entropy + kl).sum() / static_cast<double>(draws);
        objective = objective.defined() ? objective + part : part;
        const double share = 1.0 / static_cast<double>(draws);
        sums[1] += share * losses.correct.sum().item<double>();
        sums[2] += share * losses.cross_entropy.sum(at::kDouble).item<double>();
        if (draw.kl_spike.defined()) sums[3] += share * draw.kl_spike.sum(at::kDouble).item<double>();
        if (draw.kl_slab.defined()) sums[4] += share * draw.kl_slab.sum(at::kDouble).item<double>();
    }
    sums[0] = objective.item<double>();
    (objective / static_cast<double>(global)).backward();
    const torch::NoGradGuard no_grad;
    const auto own = static_cast<double>(batch.size());
    sums[5] = own * posterior->inclusion(out, step).mean().item<double>();
    sums[6] = own * (posterior->hard(out) != 0).to(at::kFloat).mean().item<double>();
    return sums;
}

}  // namespace vtvc
