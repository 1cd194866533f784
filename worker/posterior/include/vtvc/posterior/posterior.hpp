#pragma once
// The amortised posterior q(z | x) of method.md section 2: networks for μ, ln σ² and ℓ on base features, the
// relaxation and gate of sections 3-4, and its KL to the prior. Shapes: B samples, K task vectors, J
// coefficients a vector (blocks, or groups of them), G spikes a vector (1 for spike = group, the partition's
// layers for layer, J for coefficient).
//
// How spike and gate meet. γ_kj is on with probability ρ̃_kj = ρ·g, where ρ = sigmoid(ℓ) of the spike that
// coefficient kj belongs to and g = sigmoid(q) of its gate. Coefficients under one spike share one uniform
// number a sample, so that they go on and off together as far as their gates agree. The Bernoulli KL is taken
// on ρ̃ where the gate is no finer than the spike (spike = coefficient, or gate = group), else, with several
// gates under one spike, on ρ. The slab's KL is always weighted by ρ̃.
//   gaussian:          no spike, so with a gate ρ̃ = g, which has no prior: only the slab's KL, weighted by g.
//   point:             z = μ in training, mean and Monte Carlo, no KL; the gate acts in hard() alone.
//   gate.form factor:  γ and the KL know ρ only, and z = γ·g·w.
//   gate.measure sample: the gate looks at |w| of the draw; evaluation has it in closed form.
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

/// What the networks say of a batch.
struct PosteriorOutput {
    at::Tensor mean;     ///< [B, K, J] μ
    at::Tensor log_var;  ///< [B, K, J] ln σ², clamped to [−8, 2]; undefined for Family::point
    at::Tensor logit;    ///< [B, K, G] ℓ; undefined unless Family::spike_slab
    at::Tensor centre;   ///< [B, K, J] centre of the slab's prior (c[task]); undefined: 0
};

/// One relaxed draw with what it costs. Everything carries gradient into μ, σ and ℓ.
struct PosteriorDraw {
    at::Tensor z;         ///< [B, K, J]
    at::Tensor kl_spike;  ///< [B] Σ over the spikes, nats
    at::Tensor kl_slab;   ///< [B] Σ over the coefficients (ρ̃-weighted), nats
};

struct PosteriorSettings {
    PosteriorKeys posterior;  ///< logit_start NaN: logit(π)
    PriorKeys prior;
    RelaxationKeys relaxation;
    GateKeys gate;
    std::int64_t features = 0;  ///< D
    std::int64_t vectors = 0;   ///< K
    std::int64_t datasets = 0;  ///< T told data sets; 0: not told
    PartitionMap partition;     ///< J and the layers
    std::int64_t anneal_steps = 1;
    std::uint64_t seed = 0;
};

class PosteriorNetworks;

/// Parameters and buffers have stable names (named_parameters(), named_buffers()), and with
/// set_standardisation they are the whole state. All methods work in float and, after to(kDouble), in double.
class PosteriorImpl : public torch::nn::Module {
  public:
    /// ConfigError where the settings cannot be meant. Hidden layers are at most 1,024 wide.
    explicit PosteriorImpl(PosteriorSettings settings);
    /// h [B, D], standardised inside (buffers mean, sd: set_standardisation). task [B] int64: the sample's
    /// data set where told; undefined otherwise. Never drops: ConfigError in training mode with dropout on.
    /// Without gradients (NoGradGuard) on the CPU, a sample's answer does not depend on its batch by a bit.
    PosteriorOutput forward(const at::Tensor& h, const at::Tensor& task);
    /// With dropout in training mode, its mask drawn from (seed, id, step); otherwise as above.
    PosteriorOutput forward(const at::Tensor& h, const at::Tensor& task, const std::vector<std::int64_t>& ids,
                            std::int64_t step);
    /// mean, sd [D] of the training features; a feature that never varied (sd 0) is only centred.
    void set_standardisation(const at::Tensor& mean, const at::Tensor& sd);

    /// A relaxed sample for training. step: the optimiser step, for annealing (the caller's checkpointed
    /// counter; evaluation never counts). ids [B]: noise is drawn from (seed, purpose, id, step, draw) and so
    /// does not depend on the batch or the rank. draw in [0, relaxation.samples).
    PosteriorDraw sample(const PosteriorOutput& out, const std::vector<std::int64_t>& ids, std::int64_t step,
                         std::int64_t draw = 0) const;
    /// z = ρ̃μ with the gate at its final threshold (measure = sample: ρ·E[w·1(|w| ≥ t)]).
    at::Tensor mean(const PosteriorOutput& out) const;
    /// z = μ where |μ| ≥ t and ρ ≥ ½, exact zero elsewhere. Families without a spike: the gate alone.
    at::Tensor hard(const PosteriorOutput& out) const;
    /// A true (unrelaxed) sample for Monte Carlo evaluation: γ Bernoulli(ρ̃), w Gaussian.
    at::Tensor monte_carlo(const PosteriorOutput& out, const std::vector<std::int64_t>& ids,
                           std::int64_t draw) const;
    /// Inclusion probabilities ρ̃ per coefficient [B, K, J], spike and gate together, the gate annealed to
    /// step.
    at::Tensor inclusion(const PosteriorOutput& out, std::int64_t step) const;
    /// u = tanh(σ/(|μ| + 1e-8)) [B, K, J]; zeros for Family::point.
    at::Tensor uncertainty(const PosteriorOutput& out) const;
    /// Parameters with a learning rate of their own (hierarchical: c [T, K, J]); empty otherwise.
    std::vector<at::Tensor> task_parameters();
    std::vector<at::Tensor> network_parameters();
    const PosteriorSettings& settings() const { return settings_; }

  private:
    PosteriorOutput run(const at::Tensor& h, const at::Tensor& task, const at::Tensor& dropout_mask);
    void check_task(const at::Tensor& h, const at::Tensor& task) const;

    PosteriorSettings settings_;
    std::shared_ptr<PosteriorNetworks> networks_;
    at::Tensor feature_mean_, feature_sd_;  // [D]
    at::Tensor task_coefficients_;          // [T, K, J]; undefined unless hierarchical
};
TORCH_MODULE(Posterior);

/// What a draw's KL adds to the loss of each sample [B], both weights rising over prior.warmup steps:
/// a spike per group or layer costs lambda_spike a nat; what is counted per coefficient (slab, and a spike
/// per coefficient) costs lambda_mean as a mean over K·J.
at::Tensor weighted_kl(const PosteriorDraw& draw, const PosteriorSettings& settings, std::int64_t step);

}  // namespace vtvc
