#pragma once
// The amortised posterior q(z | x) of method.md section 2: networks for μ, ln σ² and ℓ on base features, the
// relaxation and gate of sections 3-4, and its KL to the prior. Shapes: B samples, K task vectors, J coefficients
// a vector (blocks, or groups of them), G spikes a vector (group: 1, layer: layers, coefficient: J).
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>

#include <cstdint>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

/// What the networks say of a batch.
struct PosteriorOutput {
    at::Tensor mean;     ///< [B, K, J] μ
    at::Tensor log_var;  ///< [B, K, J] ln σ², clamped to [−8, 2]; undefined for Family::point
    at::Tensor logit;    ///< [B, K, G] ℓ; undefined unless Family::spike_slab
    at::Tensor centre;   ///< [B, K, J] centre of the slab's prior (0, or c[task]); undefined: 0
};

/// One relaxed draw with what it costs.
struct PosteriorDraw {
    at::Tensor z;       ///< [B, K, J]
    at::Tensor kl_spike;  ///< [B] Σ over the spikes, nats
    at::Tensor kl_slab;   ///< [B] Σ over the coefficients (ρ̃-weighted), nats
};

struct PosteriorSettings {
    PosteriorKeys posterior;
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

class PosteriorImpl : public torch::nn::Module {
  public:
    explicit PosteriorImpl(PosteriorSettings settings);
    /// h [B, D], standardised inside (buffers mean, sd: set_standardisation). task [B] int64: the sample's data
    /// set where told; undefined otherwise.
    PosteriorOutput forward(const at::Tensor& h, const at::Tensor& task);
    void set_standardisation(const at::Tensor& mean, const at::Tensor& sd);

    /// A relaxed sample for training. step: the optimiser step, for annealing (the caller's checkpointed counter;
    /// evaluation never counts). ids [B]: noise is drawn from (seed, purpose, id, step, draw) and so does not
    /// depend on the batch or the rank.
    PosteriorDraw sample(const PosteriorOutput& out, const std::vector<std::int64_t>& ids, std::int64_t step,
                         std::int64_t draw = 0) const;
    /// z = ρ̃μ with the gate at its final threshold.
    at::Tensor mean(const PosteriorOutput& out) const;
    /// z = μ where |μ| ≥ t and ρ ≥ ½, exact zero elsewhere. Families without a spike: the gate alone.
    at::Tensor hard(const PosteriorOutput& out) const;
    /// A true (unrelaxed) sample for Monte Carlo evaluation: γ Bernoulli(ρ̃), w Gaussian.
    at::Tensor monte_carlo(const PosteriorOutput& out, const std::vector<std::int64_t>& ids,
                           std::int64_t draw) const;
    /// Inclusion probabilities ρ̃ per coefficient [B, K, J], spike and gate together.
    at::Tensor inclusion(const PosteriorOutput& out, std::int64_t step) const;
    /// u = tanh(σ/(|μ| + 1e-8)) [B, K, J]; zeros for Family::point.
    at::Tensor uncertainty(const PosteriorOutput& out) const;
    /// Parameters with a learning rate of their own (hierarchical: c); empty otherwise.
    std::vector<at::Tensor> task_parameters();
    std::vector<at::Tensor> network_parameters();
    const PosteriorSettings& settings() const { return settings_; }

  private:
    PosteriorSettings settings_;
    struct Networks;
    std::shared_ptr<Networks> networks_;
};
TORCH_MODULE(Posterior);

}  // namespace vtvc
