#pragma once
// The posterior's formulas, one function each, on tensors of any shape that broadcast (method.md sections
// 2-4, 8). All are differentiable, and an element's value does not depend on where it lies in its tensor.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vtvc {

/// sigmoid(ℓ)
at::Tensor probability(const at::Tensor& logit);
/// KL(Bernoulli(sigmoid(ℓ)) ‖ Bernoulli(π)), from the logit, stable (section 3). Nats.
at::Tensor kl_bernoulli(const at::Tensor& logit, double prior);
/// KL(N(μ, e^lv) ‖ N(centre, sd²)). centre may be undefined (0). Nats.
at::Tensor kl_gaussian(const at::Tensor& mean, const at::Tensor& log_var, double sd,
                       const at::Tensor& centre = {});
/// u = tanh(σ/(|μ| + 1e-8))
at::Tensor uncertainty(const at::Tensor& mean, const at::Tensor& log_var);
/// t = τ0 (1 + βu) · anneal
at::Tensor threshold(const at::Tensor& u, double tau0, double beta, double anneal = 1);
/// q = sharpness (|m| − t): the gate's logit
at::Tensor gate_logit(const at::Tensor& measure, const at::Tensor& t, double sharpness);
/// Logit of ρ·g from the logits of both: −ln(e^−ℓ + e^−q + e^−ℓ−q), by log-sum-exp.
at::Tensor joint_logit(const at::Tensor& logit, const at::Tensor& gate);
/// sigmoid((ℓ + ln u − ln(1−u))/T)
at::Tensor concrete(const at::Tensor& logit, const at::Tensor& u, double temperature);
/// Stretched to (−.1, 1.1) and clamped to [0, 1]: exact zeros and ones.
at::Tensor hard_concrete(const at::Tensor& logit, const at::Tensor& u, double temperature);
/// Forward 1[concrete > ½], gradient of the concrete.
at::Tensor straight_through(const at::Tensor& logit, const at::Tensor& u, double temperature);
/// P(|w| ≥ t) and E[w·1(|w| ≥ t)] for w ~ N(μ, e^lv) (section 4).
at::Tensor exceedance(const at::Tensor& mean, const at::Tensor& log_var, const at::Tensor& t);
at::Tensor truncated_mean(const at::Tensor& mean, const at::Tensor& log_var, const at::Tensor& t);
/// Annealing factor: from at step 0, falling linearly to 1 at steps.
double anneal(double from, std::int64_t step, std::int64_t steps);

}  // namespace vtvc
