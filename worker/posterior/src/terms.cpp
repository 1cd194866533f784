#include "vtvc/posterior/terms.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace vtvc {

namespace {
at::Tensor deviation(const at::Tensor& log_var) { return (log_var * .5).exp(); }

/// Φ(−x), the upper tail of the standard normal
at::Tensor upper_tail(const at::Tensor& x) { return at::erfc(x * std::numbers::sqrt2 / 2) * .5; }

at::Tensor density(const at::Tensor& x) {
    return (x * x * -.5).exp() * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
}
}  // namespace

// Not at::sigmoid: on the CPU it computes the last few elements of a tensor by other code than the rest, so
// that a sample's value would depend on its place in the batch by a rounding.
at::Tensor probability(const at::Tensor& logit) { return (logit * .5).tanh() * .5 + .5; }

at::Tensor kl_bernoulli(const at::Tensor& logit, double prior) {
    const at::Tensor rho = probability(logit);
    return rho * (at::log_sigmoid(logit) - std::log(prior)) +
           (1 - rho) * (at::log_sigmoid(-logit) - std::log1p(-prior));
}

at::Tensor kl_gaussian(const at::Tensor& mean, const at::Tensor& log_var, double sd,
                       const at::Tensor& centre) {
    const at::Tensor distance = centre.defined() ? mean - centre : mean;
    return ((log_var.exp() + distance * distance) / (sd * sd) - log_var + (2 * std::log(sd) - 1)) * .5;
}

at::Tensor uncertainty(const at::Tensor& mean, const at::Tensor& log_var) {
    return (deviation(log_var) / (mean.abs() + 1e-8)).tanh();
}

at::Tensor threshold(const at::Tensor& u, double tau0, double beta, double anneal) {
    return u * (tau0 * beta * anneal) + tau0 * anneal;
}

at::Tensor gate_logit(const at::Tensor& measure, const at::Tensor& t, double sharpness) {
    return (measure.abs() - t) * sharpness;
}

at::Tensor joint_logit(const at::Tensor& logit, const at::Tensor& gate) {
    const at::Tensor both = logit + gate;
    // The largest of the three exponents is taken out; as a constant, for it cancels in the gradient.
    const at::Tensor least = at::minimum(at::minimum(logit, gate), both).detach();
    return least - ((least - logit).exp() + (least - gate).exp() + (least - both).exp()).log();
}

at::Tensor concrete(const at::Tensor& logit, const at::Tensor& u, double temperature) {
    return probability((logit + (u.log() - (-u).log1p())) / temperature);
}

at::Tensor hard_concrete(const at::Tensor& logit, const at::Tensor& u, double temperature) {
    return (concrete(logit, u, temperature) * 1.2 - .1).clamp(0, 1);
}

at::Tensor straight_through(const at::Tensor& logit, const at::Tensor& u, double temperature) {
    const at::Tensor soft = concrete(logit, u, temperature);
    return soft +
           ((soft > .5).to(soft.scalar_type()) - soft).detach();  // exact: 0, or c + (1 − c) with c > ½
}

at::Tensor exceedance(const at::Tensor& mean, const at::Tensor& log_var, const at::Tensor& t) {
    const at::Tensor sd = deviation(log_var);
    return upper_tail((t - mean) / sd) + upper_tail((t + mean) / sd);
}

at::Tensor truncated_mean(const at::Tensor& mean, const at::Tensor& log_var, const at::Tensor& t) {
    const at::Tensor sd = deviation(log_var);
    return mean * exceedance(mean, log_var, t) + sd * (density((t - mean) / sd) - density((t + mean) / sd));
}

double anneal(double from, std::int64_t step, std::int64_t steps) {
    if (step >= steps) return 1;
    return from + (1 - from) * static_cast<double>(step) / static_cast<double>(steps);
}

}  // namespace vtvc
