// The formulas against method.md section 8, in double.
#include "vtvc/posterior/terms.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

at::Tensor scalar(double value) { return at::scalar_tensor(value, at::kDouble); }

struct KlVector {
    double mean, log_var, logit, prior, sd;
    double rho, bernoulli, gauss, total;
};
constexpr KlVector kl_vectors[] = {
    {0, 0, 0, .5, 1, 0.5, 0, 0, 0},
    {.3, -1, .4, .5, 1, 0.5986876601, 0.0196069922, 0.2289397206, 0.1566703778},
    {.3, -1, .4, .1, 1, 0.5986876601, 0.7472715682, 0.2289397206, 0.8843349539},
    {-.7, -4, -2, .2, .5, 0.1192029220, 0.0230600349, 1.8234840972, 0.2404246675},
    {1.5, 2, 3, .5, 1, 0.9525741268, 0.5022822095, 3.3195280495, 3.6643787426},
    {.02, -8, -6, .05, 1, 0.0024726232, 0.0412623583, 3.5003677313, 0.0499174486},
};

TEST(PosteriorTerms, KlMatchesTheTestVectors) {
    for (const KlVector& v : kl_vectors) {
        const double rho = probability(scalar(v.logit)).item<double>();
        const double bernoulli = kl_bernoulli(scalar(v.logit), v.prior).item<double>();
        const double gauss = kl_gaussian(scalar(v.mean), scalar(v.log_var), v.sd).item<double>();
        EXPECT_NEAR(rho, v.rho, 1e-9);
        EXPECT_NEAR(bernoulli, v.bernoulli, 1e-9);
        EXPECT_NEAR(gauss, v.gauss, 1e-9);
        EXPECT_NEAR(bernoulli + rho * gauss, v.total, 1e-9);
    }
}

TEST(PosteriorTerms, KlOfTheSlabDependsOnTheDistanceFromItsCentreOnly) {
    const at::Tensor shifted = kl_gaussian(scalar(.9), scalar(-1), .5, scalar(.6));
    EXPECT_NEAR(shifted.item<double>(), kl_gaussian(scalar(.3), scalar(-1), .5).item<double>(), 1e-12);
}

TEST(PosteriorTerms, BernoulliKlStaysFiniteAtExtremeLogits) {
    EXPECT_NEAR(kl_bernoulli(scalar(800), .9).item<double>(), -std::log(.9), 1e-12);
    EXPECT_NEAR(kl_bernoulli(scalar(-800), .9).item<double>(), -std::log(.1), 1e-12);
}

struct GateVector {
    double mean, log_var;
    double u, t, soft, hard, exceedance, truncated;
};
constexpr GateVector gate_vectors[] = {
    {.3, -4, 0.42281724, 0.07114086, 0.98982085, 1, 0.95763644, 0.29895695},
    {.08, -8, 0.22502745, 0.06125137, 0.59265997, 1, 0.84699742, 0.07208689},
    {.08, -2, 0.99979733, 0.09998987, 0.40136103, 0, 0.79066059, 0.07959174},
    {-.06, -8, 0.29611937, 0.06480597, 0.47598864, 0, 0.39650770, -0.03085008},
    {1, 0, 0.76159415, 0.08807971, 0.99999999, 1, 0.95737462, 0.99988994},
};

TEST(PosteriorTerms, GateMatchesTheTestVectors) {
    for (const GateVector& v : gate_vectors) {
        const at::Tensor mean = scalar(v.mean), log_var = scalar(v.log_var);
        const at::Tensor u = uncertainty(mean, log_var);
        const at::Tensor t = threshold(u, .05, 1);
        EXPECT_NEAR(u.item<double>(), v.u, 1e-8);
        EXPECT_NEAR(t.item<double>(), v.t, 1e-8);
        EXPECT_NEAR(probability(gate_logit(mean, t, 20)).item<double>(), v.soft, 1e-8);
        EXPECT_EQ((mean.abs() >= t).item<bool>(), v.hard == 1);
        EXPECT_NEAR(exceedance(mean, log_var, t).item<double>(), v.exceedance, 1e-8);
        EXPECT_NEAR(truncated_mean(mean, log_var, t).item<double>(), v.truncated, 1e-8);
    }
}

// The tolerance is five standard errors of the estimate itself.
TEST(PosteriorTerms, GateClosedFormsMatchMonteCarlo) {
    constexpr std::int64_t n = 200'000;
    for (const GateVector& v : gate_vectors) {
        Stream stream(7, Purpose::slab_noise);
        const double sd = std::exp(v.log_var / 2);
        double hits = 0, sum = 0, squares = 0;
        for (std::int64_t i = 0; i < n; ++i) {
            const double w = v.mean + sd * stream.normal();
            if (std::abs(w) < v.t) continue;
            ++hits;
            sum += w;
            squares += w * w;
        }
        const double p = hits / n, average = sum / n;
        EXPECT_NEAR(p, v.exceedance, 5 * std::sqrt(v.exceedance * (1 - v.exceedance) / n));
        EXPECT_NEAR(average, v.truncated, 5 * std::sqrt((squares / n - average * average) / n));
    }
}

struct GatedVector {
    double mean, log_var, logit, prior, sd;
    double rho, kl;
};
constexpr GatedVector gated_vectors[] = {
    {.3, -4, .4, .5, 1, .5925935305, .9382303705},
    {.08, -8, -2, .2, .5, .0706468007, .2650188468},
    {0, -6, 0, .5, 1, .0596014610, .6163551843},
};

TEST(PosteriorTerms, GatedInclusionMatchesTheTestVectors) {
    for (const GatedVector& v : gated_vectors) {
        const at::Tensor mean = scalar(v.mean), log_var = scalar(v.log_var);
        const at::Tensor gate = gate_logit(mean, threshold(uncertainty(mean, log_var), .05, 1), 20);
        const at::Tensor joint = joint_logit(scalar(v.logit), gate);
        const at::Tensor rho = probability(joint);
        EXPECT_NEAR(rho.item<double>(), v.rho, 1e-9);
        const at::Tensor kl = kl_bernoulli(joint, v.prior) + rho * kl_gaussian(mean, log_var, v.sd);
        EXPECT_NEAR(kl.item<double>(), v.kl, 1e-9);
    }
}

TEST(PosteriorTerms, JointLogitIsTheLogitOfTheProduct) {
    const at::Tensor logit = at::linspace(-30, 30, 41, at::kDouble).view({-1, 1});
    const at::Tensor gate = at::linspace(-30, 30, 37, at::kDouble).view({1, -1});
    const at::Tensor joint = joint_logit(logit, gate);
    EXPECT_TRUE(at::allclose(at::sigmoid(joint), at::sigmoid(logit) * at::sigmoid(gate), 1e-12, 1e-15));
    EXPECT_NEAR(joint_logit(scalar(900), scalar(900)).item<double>(), 900 - std::log(2), 1e-9);
    EXPECT_NEAR(joint_logit(scalar(-900), scalar(900)).item<double>(), -900, 1e-9);
}

TEST(PosteriorTerms, ConcreteMatchesTheTestVectors) {
    EXPECT_NEAR(concrete(scalar(.4), scalar(.3), .1).item<double>(), 0.0112844768, 1e-9);
    EXPECT_NEAR(concrete(scalar(.4), scalar(.3), .5).item<double>(), 0.2901623432, 1e-9);
}

TEST(PosteriorTerms, HardConcreteReachesZeroAndOneExactlyAndIsStretchedBetween) {
    EXPECT_EQ(hard_concrete(scalar(-3), scalar(.3), .1).item<double>(), 0);
    EXPECT_EQ(hard_concrete(scalar(3), scalar(.7), .1).item<double>(), 1);
    EXPECT_NEAR(hard_concrete(scalar(.4), scalar(.3), .5).item<double>(), 1.2 * 0.2901623432 - .1, 1e-9);
}

TEST(PosteriorTerms, StraightThroughIsExactForwardAndConcreteBackward) {
    const at::Tensor u = at::linspace(.01, .99, 99, at::kDouble);
    at::Tensor logit = at::full({99}, .3, at::kDouble).requires_grad_();
    const at::Tensor hard = straight_through(logit, u, .5);
    EXPECT_TRUE(at::equal(hard, (concrete(logit, u, .5) > .5).to(at::kDouble)));
    hard.sum().backward();
    const at::Tensor through = logit.grad().clone();
    logit.mutable_grad().reset();
    concrete(logit, u, .5).sum().backward();
    EXPECT_TRUE(at::equal(through, logit.grad()));
    EXPECT_GT(through.min().item<double>(), 0);
}

TEST(PosteriorTerms, AnnealingFallsLinearlyFromTwoToOne) {
    EXPECT_EQ(anneal(2, 0, 100), 2);
    EXPECT_EQ(anneal(2, 50, 100), 1.5);
    EXPECT_EQ(anneal(2, 100, 100), 1);
    EXPECT_EQ(anneal(2, 5000, 100), 1);
    EXPECT_EQ(anneal(2, 0, 0), 1);
    EXPECT_NEAR(threshold(scalar(.5), .05, 1, 2).item<double>(), .15, 1e-15);
}

}  // namespace
}  // namespace vtvc
