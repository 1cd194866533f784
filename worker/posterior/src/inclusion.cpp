#include "inclusion.hpp"

#include <ATen/ATen.h>

#include "settings.hpp"
#include "vtvc/posterior/terms.hpp"

namespace vtvc {

namespace {
// Root mean square over a vector's coefficients; the small term keeps its gradient finite at 0.
at::Tensor group_size(const at::Tensor& x) { return ((x * x).mean({-1}, true) + 1e-16).sqrt(); }

at::Tensor group_log_var(const at::Tensor& log_var) { return log_var.exp().mean({-1}, true).log(); }
}  // namespace

at::Tensor spread(const at::Tensor& per_spike, const PosteriorSettings& settings) {
    if (settings.posterior.spike != Spike::layer) return per_spike;
    return per_spike.index_select(-1, at::tensor(settings.partition.layer).to(per_spike.device()));
}

GateView view_gate(const PosteriorOutput& out, const at::Tensor& slab, const PosteriorSettings& settings,
                   double anneal) {
    const GateKeys& gate = settings.gate;
    const bool group = gate.on == Gate::group;
    const at::Tensor centre = group ? group_size(out.mean) : out.mean;
    at::Tensor u;
    if (out.log_var.defined()) {
        u = uncertainty(centre, group ? group_log_var(out.log_var) : out.log_var);
    } else {
        u = at::zeros_like(centre);
    }
    return {group ? group_size(slab) : slab, threshold(u, gate.threshold, gate.beta, anneal)};
}

Inclusion include(const PosteriorOutput& out, const at::Tensor& slab, const PosteriorSettings& settings,
                  double anneal) {
    Inclusion result;
    result.spike = out.logit;
    if (out.logit.defined()) result.logit = spread(out.logit, settings);
    if (!gated(settings)) return result;

    const GateView view = view_gate(out, slab, settings, anneal);
    const at::Tensor gate = gate_logit(view.measure, view.threshold, settings.gate.sharpness);
    if (settings.gate.form == GateForm::factor) {
        result.factor = probability(gate);
    } else if (!out.logit.defined()) {
        result.logit = gate;
    } else if (settings.gate.on == Gate::group || settings.posterior.spike == Spike::coefficient) {
        result.spike = joint_logit(out.logit, gate);  // the gate is no finer than the spike: one variable
        result.logit = spread(result.spike, settings);
    } else {
        result.logit = joint_logit(result.logit, gate);
    }
    return result;
}

}  // namespace vtvc
