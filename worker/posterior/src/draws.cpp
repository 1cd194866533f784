// What is made of the networks' answers: relaxed draws with their KL for training, and the three evaluations.
#include <ATen/ATen.h>

#include <algorithm>

#include "inclusion.hpp"
#include "noise.hpp"
#include "settings.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/posterior/posterior.hpp"
#include "vtvc/posterior/terms.hpp"

namespace vtvc {

namespace {
void check_ids(const PosteriorOutput& out, const std::vector<std::int64_t>& ids) {
    if (static_cast<std::int64_t>(ids.size()) != out.mean.size(0)) {
        fail<NumericError>("{} ids for {} samples (each draws its noise by its own id)", ids.size(),
                           out.mean.size(0));
    }
}

at::Tensor draw_slab(const PosteriorOutput& out, const NoiseKey& key, const std::vector<std::int64_t>& ids) {
    const at::Tensor noise = normal_noise(key, ids, out.mean.size(1) * out.mean.size(2), out.mean);
    return out.mean + (out.log_var * .5).exp() * noise.view(out.mean.sizes());
}

/// Uniform numbers that broadcast with included.logit: one a spike; where there is none, one a gate.
at::Tensor draw_spikes(const PosteriorOutput& out, const Inclusion& included,
                       const PosteriorSettings& settings, const NoiseKey& key,
                       const std::vector<std::int64_t>& ids) {
    const at::Tensor& unit = out.logit.defined() ? out.logit : included.logit;
    const at::Tensor u = uniform_noise(key, ids, unit.size(1) * unit.size(2), out.mean).view(unit.sizes());
    return out.logit.defined() ? spread(u, settings) : u;
}

at::Tensor relax(const at::Tensor& logit, const at::Tensor& u, const RelaxationKeys& keys) {
    switch (keys.kind) {
        case Relaxation::hard_concrete:
            return hard_concrete(logit, u, keys.temperature);
        case Relaxation::straight_through:
            return straight_through(logit, u, keys.temperature);
        case Relaxation::concrete:
            break;
    }
    return concrete(logit, u, keys.temperature);
}

at::Tensor sum_samples(const at::Tensor& x) { return x.sum(at::IntArrayRef{1, 2}); }

at::Tensor kl_of_spikes(const PosteriorOutput& out, const Inclusion& included, const PriorKeys& prior) {
    if (!included.spike.defined()) return at::zeros({out.mean.size(0)}, out.mean.options());
    return sum_samples(kl_bernoulli(included.spike, prior.inclusion));
}

at::Tensor kl_of_slabs(const PosteriorOutput& out, const Inclusion& included, const PriorKeys& prior) {
    const at::Tensor each = kl_gaussian(out.mean, out.log_var, prior.sd, out.centre);
    return sum_samples(included.logit.defined() ? probability(included.logit) * each : each);
}

bool gate_on_draw(const PosteriorSettings& settings) {
    return gated(settings) && settings.gate.measure == GateMeasure::sample;
}

/// ρ [B, K, J or 1] of the spike alone; undefined: no spike
at::Tensor spike_probability(const PosteriorOutput& out, const PosteriorSettings& settings) {
    return out.logit.defined() ? probability(spread(out.logit, settings)) : at::Tensor();
}

at::Tensor times(const at::Tensor& x, const at::Tensor& factor) { return factor.defined() ? x * factor : x; }
}  // namespace

PosteriorDraw PosteriorImpl::sample(const PosteriorOutput& out, const std::vector<std::int64_t>& ids,
                                    std::int64_t step, std::int64_t draw) const {
    check_ids(out, ids);
    if (settings_.posterior.family == Family::point) {
        const at::Tensor none = at::zeros({out.mean.size(0)}, out.mean.options());
        return {out.mean, none, none};
    }
    const NoiseKey key{settings_.seed, Draws::training, step * settings_.relaxation.samples + draw};
    const double factor = anneal(settings_.gate.anneal_from, step, settings_.anneal_steps);
    const at::Tensor slab = draw_slab(out, key, ids);
    const Inclusion included = include(out, gate_on_draw(settings_) ? slab : out.mean, settings_, factor);
    at::Tensor z = times(slab, included.factor);
    if (included.logit.defined()) {
        const at::Tensor u = draw_spikes(out, included, settings_, key, ids);
        z = z * relax(included.logit, u, settings_.relaxation);
    }
    return {z, kl_of_spikes(out, included, settings_.prior), kl_of_slabs(out, included, settings_.prior)};
}

at::Tensor PosteriorImpl::mean(const PosteriorOutput& out) const {
    if (settings_.posterior.family == Family::point) return out.mean;
    if (gate_on_draw(settings_)) {
        const GateView view = view_gate(out, out.mean, settings_, 1);
        return times(truncated_mean(out.mean, out.log_var, view.threshold),
                     spike_probability(out, settings_));
    }
    const Inclusion included = include(out, out.mean, settings_, 1);
    const at::Tensor z = times(out.mean, included.factor);
    return included.logit.defined() ? z * probability(included.logit) : z;
}

at::Tensor PosteriorImpl::hard(const PosteriorOutput& out) const {
    at::Tensor z = out.mean;
    const at::Tensor zero = at::zeros({}, z.options());
    if (gated(settings_)) {
        const GateView view = view_gate(out, out.mean, settings_, 1);
        z = at::where(view.measure.abs() >= view.threshold, z, zero);
    }
    return out.logit.defined() ? at::where(spread(out.logit, settings_) >= 0, z, zero) : z;
}

at::Tensor PosteriorImpl::monte_carlo(const PosteriorOutput& out, const std::vector<std::int64_t>& ids,
                                      std::int64_t draw) const {
    check_ids(out, ids);
    if (settings_.posterior.family == Family::point) return out.mean;
    const NoiseKey key{settings_.seed, Draws::evaluation, draw};
    const at::Tensor slab = draw_slab(out, key, ids);
    const at::Tensor zero = at::zeros({}, slab.options());
    Inclusion included;
    at::Tensor z = slab;
    if (gate_on_draw(settings_)) {
        z = at::where(slab.abs() >= view_gate(out, out.mean, settings_, 1).threshold, slab, zero);
        if (out.logit.defined()) included.logit = spread(out.logit, settings_);
    } else {
        included = include(out, out.mean, settings_, 1);
        z = times(slab, included.factor);
    }
    if (!included.logit.defined()) return z;
    const at::Tensor u = draw_spikes(out, included, settings_, key, ids);
    return at::where(1 - u <= probability(included.logit), z, zero);
}

at::Tensor PosteriorImpl::inclusion(const PosteriorOutput& out, std::int64_t step) const {
    const double factor = anneal(settings_.gate.anneal_from, step, settings_.anneal_steps);
    at::Tensor rho = at::ones_like(out.mean);
    if (settings_.posterior.family == Family::point) return rho;
    if (gate_on_draw(settings_)) {
        const GateView view = view_gate(out, out.mean, settings_, factor);
        return times(exceedance(out.mean, out.log_var, view.threshold), spike_probability(out, settings_));
    }
    const Inclusion included = include(out, out.mean, settings_, factor);
    if (included.logit.defined()) rho = rho * probability(included.logit);
    return times(rho, included.factor);
}

at::Tensor PosteriorImpl::uncertainty(const PosteriorOutput& out) const {
    if (!out.log_var.defined()) return at::zeros_like(out.mean);
    return vtvc::uncertainty(out.mean, out.log_var);
}

at::Tensor weighted_kl(const PosteriorDraw& draw, const PosteriorSettings& settings, std::int64_t step) {
    const PriorKeys& prior = settings.prior;
    const double ramp =
        step < prior.warmup ? static_cast<double>(step) / static_cast<double>(prior.warmup) : 1;
    const double coefficients = static_cast<double>(settings.vectors * settings.partition.count());
    const double per_coefficient = ramp * prior.lambda_mean / coefficients;
    const bool counted_each = settings.posterior.spike == Spike::coefficient;
    const double per_spike = counted_each ? per_coefficient : ramp * prior.lambda_spike;
    return draw.kl_spike * per_spike + draw.kl_slab * per_coefficient;
}

}  // namespace vtvc
