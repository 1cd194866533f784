#pragma once
// The networks behind q(z | x): up to three output heads (μ, ln σ², ℓ), each on a trunk of its own or all on
// one. Every weight comes from a Philox stream; torch's global generator is neither read nor moved.
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"

namespace vtvc {

/// y = x Wᵀ + b, or y = x Vᵀ Wᵀ + b with V [rank, inputs].
class Layer : public torch::nn::Module {
  public:
    /// rank 0: full. All parameters start at zero.
    Layer(std::int64_t inputs, std::int64_t outputs, std::int64_t rank);
    /// x [B, inputs] → [B, outputs]
    at::Tensor forward(const at::Tensor& x) const;

    at::Tensor weight, bias;
    at::Tensor factor;  ///< V; undefined in a full layer
};

/// Hidden layers, each followed by ReLU.
class HiddenLayers : public torch::nn::Module {
  public:
    HiddenLayers(std::int64_t inputs, const std::vector<std::int64_t>& widths);
    /// mask [B, total width] multiplies the hidden units, layer after layer (dropout); undefined: none.
    at::Tensor forward(at::Tensor x, const at::Tensor& mask) const;
    std::int64_t total_width() const;

    std::vector<std::shared_ptr<Layer>> layers;
};

/// One output head as it should start.
struct HeadPlan {
    std::string name;
    std::int64_t outputs = 0;
    double bias = 0;
};

class PosteriorNetworks : public torch::nn::Module {
  public:
    PosteriorNetworks(std::int64_t inputs, const std::vector<HeadPlan>& plans, const PosteriorKeys& keys,
                      std::uint64_t seed);
    /// x [B, inputs]; mask [B, mask_width()] or undefined. → [B, outputs] of each head, in the order of the
    /// plans.
    std::vector<at::Tensor> forward(const at::Tensor& x, const at::Tensor& mask) const;
    std::int64_t mask_width() const;

  private:
    std::vector<std::shared_ptr<HiddenLayers>> trunks_;  // one for all heads, or one a head
    std::vector<std::shared_ptr<Layer>> heads_;
};

}  // namespace vtvc
