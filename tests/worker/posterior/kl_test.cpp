// The KL is alive: values by hand, gradients by finite differences, weights as documented.
#include <gtest/gtest.h>

#include "posterior_fixture.hpp"
#include "vtvc/posterior/terms.hpp"

namespace vtvc {
namespace {

using test::iota;
using test::made_up_output;
using test::small_settings;

struct KlCase {
    Family family;
    Spike spike;
    Gate gate;
    GateMeasure measure = GateMeasure::mean;
    GateForm form = GateForm::inclusion;
};

constexpr KlCase kl_cases[] = {
    {Family::spike_slab, Spike::group, Gate::off},
    {Family::spike_slab, Spike::group, Gate::coefficient},
    {Family::spike_slab, Spike::group, Gate::group},
    {Family::spike_slab, Spike::layer, Gate::coefficient},
    {Family::spike_slab, Spike::layer, Gate::group},
    {Family::spike_slab, Spike::coefficient, Gate::off},
    {Family::spike_slab, Spike::coefficient, Gate::coefficient},
    {Family::spike_slab, Spike::coefficient, Gate::group},
    {Family::spike_slab, Spike::coefficient, Gate::coefficient, GateMeasure::sample},
    {Family::spike_slab, Spike::coefficient, Gate::coefficient, GateMeasure::mean, GateForm::factor},
    {Family::gaussian, Spike::group, Gate::off},
    {Family::gaussian, Spike::group, Gate::coefficient},
};

PosteriorSettings settings_of(const KlCase& c) {
    PosteriorSettings s = small_settings();
    s.posterior.family = c.family;
    s.posterior.spike = c.spike;
    s.gate.on = c.gate;
    s.gate.measure = c.measure;
    s.gate.form = c.form;
    s.prior.inclusion = .3;
    s.prior.sd = .7;
    return s;
}

// Central differences of step 1e-6 in double: truncation ~1e-12, rounding ~1e-9 of a sum of order 10.
TEST(PosteriorKl, GradientMatchesFiniteDifferencesAndIsNotDetached) {
    for (const KlCase& c : kl_cases) {
        SCOPED_TRACE(name_of(c.family) + " spike " + name_of(c.spike) + " gate " + name_of(c.gate) + " " +
                     name_of(c.measure) + " " + name_of(c.form));
        const PosteriorSettings s = settings_of(c);
        Posterior posterior(s);
        PosteriorOutput out = made_up_output(s, 2);
        const auto total = [&] {
            const PosteriorDraw draw = posterior->sample(out, iota(2), 3);
            return (draw.kl_spike * 1.5 + draw.kl_slab).sum();
        };
        for (at::Tensor* const x : {&out.mean, &out.log_var, &out.logit}) {
            if (!x->defined()) continue;
            x->requires_grad_();
            at::Tensor kl = total();
            ASSERT_TRUE(kl.requires_grad()) << "the KL is detached";
            kl.backward();
            const at::Tensor gradient = x->grad().clone();
            EXPECT_GT(gradient.abs().min().item<double>(), 0) << "a parameter without pressure from the KL";
            *x = x->detach();
            at::Tensor flat = x->view(-1);
            for (std::int64_t i = 0; i < flat.numel(); ++i) {
                constexpr double step = 1e-6;
                flat[i] += step;
                const double above = total().item<double>();
                flat[i] -= 2 * step;
                const double below = total().item<double>();
                flat[i] += step;
                const double expected = (above - below) / (2 * step);
                EXPECT_NEAR(gradient.view(-1)[i].item<double>(), expected, 1e-7 + 1e-6 * std::abs(expected));
            }
        }
    }
}

TEST(PosteriorKl, CoefficientSpikeWithGateSumsTheTestVectorsFormula) {
    PosteriorSettings s = small_settings();
    s.posterior.spike = Spike::coefficient;
    const PosteriorOutput out = made_up_output(s, 3);
    const PosteriorDraw draw = Posterior(s)->sample(out, iota(3), 100);
    const at::Tensor rho =
        at::sigmoid(out.logit) *
        at::sigmoid(20 * (out.mean.abs() - threshold(uncertainty(out.mean, out.log_var), .05, 1)));
    const at::Tensor spike = rho * (rho / .9).log() + (1 - rho) * ((1 - rho) / .1).log();
    const at::Tensor slab = rho * kl_gaussian(out.mean, out.log_var, 1);
    EXPECT_TRUE(at::allclose(draw.kl_spike, spike.sum({1, 2}), 1e-9));
    EXPECT_TRUE(at::allclose(draw.kl_slab, slab.sum({1, 2}), 1e-9));
}

TEST(PosteriorKl, GroupSpikeCountsOncePerVectorAndGatesWeighTheSlab) {
    PosteriorSettings s = small_settings();
    Posterior posterior(s);
    const PosteriorOutput out = made_up_output(s, 3);
    const PosteriorDraw draw = posterior->sample(out, iota(3), 100);
    EXPECT_TRUE(at::allclose(draw.kl_spike, kl_bernoulli(out.logit, .9).sum({1, 2}), 1e-12));
    const at::Tensor slab = posterior->inclusion(out, 100) * kl_gaussian(out.mean, out.log_var, 1);
    EXPECT_TRUE(at::allclose(draw.kl_slab, slab.sum({1, 2}), 1e-12));
}

TEST(PosteriorKl, PointCostsNothingAndGaussianHasNoSpike) {
    PosteriorSettings s = small_settings();
    s.posterior.family = Family::point;
    const PosteriorDraw point = Posterior(s)->sample(made_up_output(s, 3), iota(3), 0);
    EXPECT_EQ(weighted_kl(point, s, 5).abs().max().item<double>(), 0);
    s.posterior.family = Family::gaussian;
    s.gate.on = Gate::off;
    const PosteriorOutput out = made_up_output(s, 3);
    const PosteriorDraw gaussian = Posterior(s)->sample(out, iota(3), 0);
    EXPECT_EQ(gaussian.kl_spike.abs().max().item<double>(), 0);
    EXPECT_TRUE(at::allclose(gaussian.kl_slab, kl_gaussian(out.mean, out.log_var, 1).sum({1, 2}), 1e-12));
}

// The prior moves with c: the KL sees the residual, and pulls at c not at all.
TEST(PosteriorKl, HierarchicalKlIsOfTheResidualAndLeavesCFree) {
    PosteriorSettings s = small_settings();
    s.posterior.form = Form::hierarchical;
    s.posterior.family = Family::gaussian;
    s.gate.on = Gate::off;
    s.datasets = 2;
    Posterior posterior(s);
    posterior->to(at::kDouble);
    const at::Tensor h = test::normals({4, 6}, 1), task = at::arange(4, at::kLong).remainder(2);
    const auto kl = [&] { return posterior->sample(posterior->forward(h, task), iota(4), 0).kl_slab; };
    const at::Tensor at_start = kl();
    const at::Tensor c = posterior->task_parameters().at(0);
    {
        at::NoGradGuard no_grad;
        c.add_(3);
    }
    EXPECT_TRUE(at::allclose(kl(), at_start, 1e-12));
    kl().sum().backward();
    EXPECT_TRUE(!c.grad().defined() || c.grad().abs().max().item<double>() == 0);
}

TEST(PosteriorKl, WeightsFollowTheSpikeAndTheWarmUp) {
    PosteriorSettings s = small_settings();
    const PosteriorDraw draw{at::zeros({1, 3, 7}), at::full({1}, 2.), at::full({1}, 210.)};
    s.prior.lambda_spike = .1;
    s.prior.lambda_mean = .01;  // over K·J = 21
    EXPECT_NEAR(weighted_kl(draw, s, 0).item<double>(), .2 + .1, 1e-6);
    s.posterior.spike = Spike::coefficient;
    EXPECT_NEAR(weighted_kl(draw, s, 0).item<double>(), .01 / 21 * 212, 1e-6);
    s.prior.warmup = 10;
    EXPECT_EQ(weighted_kl(draw, s, 0).item<double>(), 0);
    EXPECT_NEAR(weighted_kl(draw, s, 5).item<double>(), .01 / 21 * 106, 1e-6);
    EXPECT_NEAR(weighted_kl(draw, s, 50).item<double>(), .01 / 21 * 212, 1e-6);
}

}  // namespace
}  // namespace vtvc
