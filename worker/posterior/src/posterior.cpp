#include "vtvc/posterior/posterior.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "networks.hpp"
#include "noise.hpp"
#include "settings.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {
constexpr double least_log_var = -8, most_log_var = 2;  // method.md section 2

double mean_start(const PosteriorSettings& s) {
    if (s.posterior.start != Start::informed) return 0;
    return s.posterior.mean_start == -1 ? 1. / static_cast<double>(s.vectors) : s.posterior.mean_start;
}

std::vector<HeadPlan> plan_heads(const PosteriorSettings& s) {
    const bool wide = s.posterior.start == Start::wide;
    const bool hierarchical = s.posterior.form == Form::hierarchical;
    const std::int64_t coefficients = s.vectors * s.partition.count();
    std::vector<HeadPlan> plans{{"mean", coefficients, hierarchical ? 0 : mean_start(s)}};
    if (s.posterior.family != Family::point) {
        plans.push_back({"log_var", coefficients, wide ? 0 : s.posterior.log_var_start});
    }
    if (s.posterior.family == Family::spike_slab) {
        const double prior_logit = std::log(s.prior.inclusion) - std::log1p(-s.prior.inclusion);
        const bool at_prior = wide || std::isnan(s.posterior.logit_start);
        plans.push_back({"logit", s.vectors * spikes(s), at_prior ? prior_logit : s.posterior.logit_start});
    }
    return plans;
}

// Hierarchical: the data set speaks through c alone; the networks see only what is left to say of the sample.
std::int64_t network_inputs(const PosteriorSettings& s) {
    return s.features + (s.posterior.form == Form::plain ? s.datasets : 0);
}
}  // namespace

PosteriorImpl::PosteriorImpl(PosteriorSettings settings) : settings_(std::move(settings)) {
    check(settings_);
    feature_mean_ = register_buffer("mean", at::zeros({settings_.features}));
    feature_sd_ = register_buffer("sd", at::ones({settings_.features}));
    if (settings_.posterior.form == Form::hierarchical) {
        const std::vector<std::int64_t> shape{settings_.datasets, settings_.vectors,
                                              settings_.partition.count()};
        task_coefficients_ =
            register_parameter("task_coefficients", at::full(shape, mean_start(settings_), at::kFloat));
    }
    networks_ = register_module(
        "networks", std::make_shared<PosteriorNetworks>(network_inputs(settings_), plan_heads(settings_),
                                                        settings_.posterior, settings_.seed));
}

void PosteriorImpl::set_standardisation(const at::Tensor& mean, const at::Tensor& sd) {
    if (mean.dim() != 1 || mean.size(0) != settings_.features || sd.sizes() != mean.sizes()) {
        fail<NumericError>("standardisation by {} means and {} deviations (the posterior reads {} features)",
                           mean.numel(), sd.numel(), settings_.features);
    }
    at::NoGradGuard no_grad;
    feature_mean_.copy_(mean);
    feature_sd_.copy_(at::where(sd > 0, sd, at::ones_like(sd)));
}

PosteriorOutput PosteriorImpl::forward(const at::Tensor& h, const at::Tensor& task) {
    if (is_training() && settings_.posterior.dropout > 0) {
        fail<ConfigError>(
            "dropout without the samples' ids (its mask is drawn from them and the step); call "
            "forward(h, task, ids, step), or eval() first");
    }
    return run(h, task, {});
}

PosteriorOutput PosteriorImpl::forward(const at::Tensor& h, const at::Tensor& task,
                                       const std::vector<std::int64_t>& ids, std::int64_t step) {
    const double rate = settings_.posterior.dropout;
    if (!is_training() || rate == 0) return run(h, task, {});
    const NoiseKey key{settings_.seed, Draws::dropout, step};
    const at::Tensor u = uniform_noise(key, ids, networks_->mask_width(), feature_mean_);
    return run(h, task, (u >= rate).to(u.scalar_type()) / (1 - rate));
}

PosteriorOutput PosteriorImpl::run(const at::Tensor& h, const at::Tensor& task,
                                   const at::Tensor& dropout_mask) {
    check_task(h, task);
    at::Tensor x = (h.to(feature_mean_.options()) - feature_mean_) / feature_sd_;
    const bool hierarchical = settings_.posterior.form == Form::hierarchical;
    if (settings_.datasets > 0 && !hierarchical) {
        x = at::cat({x, at::one_hot(task, settings_.datasets).to(x.scalar_type())}, 1);
    }
    const std::vector<at::Tensor> heads = networks_->forward(x, dropout_mask);

    const std::int64_t rows = h.size(0), k = settings_.vectors, j = settings_.partition.count();
    PosteriorOutput out;
    out.mean = heads[0].view({rows, k, j});
    if (hierarchical) {
        out.centre = task_coefficients_.index_select(0, task);
        out.mean = out.centre + out.mean;
    }
    if (heads.size() > 1) out.log_var = heads[1].clamp(least_log_var, most_log_var).view({rows, k, j});
    if (heads.size() > 2) out.logit = heads[2].view({rows, k, spikes(settings_)});
    return out;
}

void PosteriorImpl::check_task(const at::Tensor& h, const at::Tensor& task) const {
    if (h.dim() != 2 || h.size(1) != settings_.features) {
        fail<NumericError>(
            "features of width {} for a posterior of width {}; were they made with another base?",
            h.dim() == 2 ? h.size(1) : 0, settings_.features);
    }
    if (settings_.datasets == 0) return;
    if (!task.defined() || task.dim() != 1 || task.size(0) != h.size(0)) {
        fail<NumericError>("{} data set numbers for {} samples (this posterior is told the data set of each)",
                           task.defined() ? task.numel() : 0, h.size(0));
    }
    if (task.numel() == 0) return;
    const auto low = task.min().item<std::int64_t>(), high = task.max().item<std::int64_t>();
    if (low < 0 || high >= settings_.datasets) {
        fail<NumericError>("data set numbers from {} to {} for a posterior trained on {} data sets", low,
                           high, settings_.datasets);
    }
}

std::vector<at::Tensor> PosteriorImpl::task_parameters() {
    return task_coefficients_.defined() ? std::vector<at::Tensor>{task_coefficients_}
                                        : std::vector<at::Tensor>{};
}

std::vector<at::Tensor> PosteriorImpl::network_parameters() { return networks_->parameters(); }

}  // namespace vtvc
