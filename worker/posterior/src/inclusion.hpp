#pragma once
// How spike and gate together decide that a coefficient is on (see posterior.hpp).
#include "vtvc/posterior/posterior.hpp"

namespace vtvc {

/// [B, K, G] per spike to [B, K, J] or [B, K, 1] per coefficient.
at::Tensor spread(const at::Tensor& per_spike, const PosteriorSettings& settings);

/// The gate compares |measure| with threshold: [B, K, J], or [B, K, 1] for Gate::group.
struct GateView {
    at::Tensor measure, threshold;
};
/// slab: what the gate looks at, μ or a draw w [B, K, J]. The gate must be on.
GateView view_gate(const PosteriorOutput& out, const at::Tensor& slab, const PosteriorSettings& settings,
                   double anneal);

/// All as logits or factors that broadcast to [B, K, J]; undefined where there is nothing of the kind.
struct Inclusion {
    at::Tensor logit;   ///< of γ, by which the slab's KL is weighted; undefined: always on
    at::Tensor factor;  ///< multiplies z beside γ (GateForm::factor); undefined: 1
    at::Tensor spike;   ///< [B, K, G] what the Bernoulli KL is taken on; undefined: no spike
};
Inclusion include(const PosteriorOutput& out, const at::Tensor& slab, const PosteriorSettings& settings,
                  double anneal);

}  // namespace vtvc
