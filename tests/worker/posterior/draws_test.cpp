// Draws and evaluations: reproducible noise, spike and gate together, exact zeros.
#include <gtest/gtest.h>

#include <cmath>

#include "posterior_fixture.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/posterior/terms.hpp"

namespace vtvc {
namespace {

using test::iota;
using test::made_up_output;
using test::select_rows;
using test::small_settings;

/// Every way spike, gate, its form and its measure can meet, with a name for messages.
std::vector<PosteriorSettings> every_combination() {
    std::vector<PosteriorSettings> all;
    for (const Family family : {Family::spike_slab, Family::gaussian, Family::point}) {
        for (const Spike spike : {Spike::group, Spike::layer, Spike::coefficient}) {
            for (const Gate gate : {Gate::off, Gate::coefficient, Gate::group}) {
                for (const GateForm form : {GateForm::inclusion, GateForm::factor}) {
                    for (const GateMeasure measure : {GateMeasure::mean, GateMeasure::sample}) {
                        if (gate == Gate::group && measure == GateMeasure::sample) continue;
                        PosteriorSettings s = small_settings();
                        s.posterior.family = family;
                        s.posterior.spike = spike;
                        s.gate.on = gate;
                        s.gate.form = form;
                        s.gate.measure = measure;
                        all.push_back(s);
                    }
                }
            }
        }
    }
    return all;
}

std::string describe(const PosteriorSettings& s) {
    return name_of(s.posterior.family) + " spike " + name_of(s.posterior.spike) + " gate " +
           name_of(s.gate.on) + " " + name_of(s.gate.form) + " " + name_of(s.gate.measure);
}

TEST(PosteriorDraws, DependOnIdStepAndDrawButNotOnTheBatch) {
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
        for (const PosteriorSettings& s : every_combination()) {
            SCOPED_TRACE(describe(s));
            Posterior posterior(s);
            const PosteriorOutput out = made_up_output(s, 13, type);
            const std::vector<std::int64_t> ids = iota(13, 1000);
            const PosteriorDraw whole = posterior->sample(out, ids, 4);
            const at::Tensor whole_mc = posterior->monte_carlo(out, ids, 2);

            const at::Tensor backwards = at::arange(12, -1, -1, at::kLong);
            const std::vector<std::int64_t> reversed(ids.rbegin(), ids.rend());
            const PosteriorDraw permuted = posterior->sample(select_rows(out, backwards), reversed, 4);
            EXPECT_TRUE(at::equal(permuted.z.flip(0), whole.z));
            EXPECT_TRUE(at::equal(permuted.kl_slab.flip(0), whole.kl_slab));
            EXPECT_TRUE(at::equal(permuted.kl_spike.flip(0), whole.kl_spike));

            for (std::int64_t row = 0; row < 13; ++row) {
                const PosteriorOutput one = select_rows(out, at::full({1}, row, at::kLong));
                const std::vector<std::int64_t> id{1000 + row};
                const PosteriorDraw alone = posterior->sample(one, id, 4);
                EXPECT_TRUE(at::equal(alone.z[0], whole.z[row]));
                EXPECT_TRUE(at::equal(alone.kl_slab[0], whole.kl_slab[row]));
                EXPECT_TRUE(at::equal(posterior->monte_carlo(one, id, 2)[0], whole_mc[row]));
                EXPECT_TRUE(at::equal(posterior->mean(one)[0], posterior->mean(out)[row]));
                EXPECT_TRUE(at::equal(posterior->hard(one)[0], posterior->hard(out)[row]));
            }
            if (s.posterior.family == Family::point) continue;
            EXPECT_FALSE(at::equal(posterior->sample(out, ids, 5).z, whole.z));
            EXPECT_FALSE(at::equal(posterior->sample(out, iota(13), 4).z, whole.z));
            EXPECT_FALSE(at::equal(posterior->monte_carlo(out, ids, 3), whole_mc));
        }
    }
}

TEST(PosteriorDraws, SamplesOfOneStepAreNotThoseOfTheNext) {
    PosteriorSettings s = small_settings();
    s.relaxation.samples = 2;
    s.gate.on = Gate::off;  // no annealing: any difference is the noise's
    Posterior posterior(s);
    const PosteriorOutput out = made_up_output(s, 4);
    EXPECT_FALSE(at::equal(posterior->sample(out, iota(4), 0, 1).z, posterior->sample(out, iota(4), 1, 0).z));
    EXPECT_FALSE(at::equal(posterior->sample(out, iota(4), 0, 0).z, posterior->sample(out, iota(4), 0, 1).z));
    EXPECT_THROW(posterior->sample(out, iota(3), 0), NumericError);
}

TEST(PosteriorDraws, AllCoefficientsOfAVectorShareTheGroupSpike) {
    PosteriorSettings s = small_settings();
    s.gate.on = Gate::off;
    Posterior posterior(s);
    const PosteriorOutput out = made_up_output(s, 50);
    const at::Tensor on = (posterior->monte_carlo(out, iota(50), 0) != 0).to(at::kLong).sum(2);
    EXPECT_TRUE(((on == 0) | (on == 7)).all().item<bool>());
    EXPECT_GT((on == 0).sum().item<std::int64_t>(), 0);
    EXPECT_GT((on == 7).sum().item<std::int64_t>(), 0);

    // A layer spike is shared by its layer's coefficients, and no further.
    s.posterior.spike = Spike::layer;
    const PosteriorOutput layered = made_up_output(s, 50);
    const at::Tensor z = Posterior(s)->monte_carlo(layered, iota(50), 0) != 0;
    EXPECT_TRUE(at::equal(z.select(2, 0), z.select(2, 1)));
    EXPECT_FALSE(at::equal(z.select(2, 0), z.select(2, 6)));
}

// With ℓ̃ falling in j, comonotone gates switch off from the end: no coefficient is on beside a likelier one
// off.
TEST(PosteriorDraws, GatesUnderOneSpikeSwitchInTheOrderOfTheirInclusion) {
    PosteriorSettings s = small_settings();
    Posterior posterior(s);
    PosteriorOutput out = made_up_output(s, 200);
    out.mean = std::get<0>(out.mean.abs().sort(2, true));
    out.log_var = at::full_like(out.log_var, -6);
    const at::Tensor on = (posterior->monte_carlo(out, iota(200), 0) != 0).to(at::kLong);
    EXPECT_LE(on.diff(1, 2).max().item<std::int64_t>(), 0);
}

// Mean and inclusion are the expectations that Monte Carlo estimates: five standard errors, each estimated.
TEST(PosteriorDraws, MonteCarloAveragesToMeanAndInclusion) {
    constexpr std::int64_t draws = 20'000;
    for (const PosteriorSettings& s : every_combination()) {
        if (s.posterior.family == Family::point) continue;  // nothing random
        SCOPED_TRACE(describe(s));
        Posterior posterior(s);
        const PosteriorOutput one = made_up_output(s, 1);
        // The same sample under many ids.
        const at::Tensor z =
            posterior->monte_carlo(select_rows(one, at::zeros({draws}, at::kLong)), iota(draws), 3);
        const at::Tensor error = z.std(0) / std::sqrt(static_cast<double>(draws));
        EXPECT_TRUE(((z.mean(0) - posterior->mean(one)[0]).abs() <= 5 * error + 1e-6).all().item<bool>());
        if (s.gate.form == GateForm::factor && s.gate.measure == GateMeasure::mean)
            continue;  // g never drops
        const at::Tensor rho = posterior->inclusion(one, 1'000'000)[0];
        const at::Tensor share = (z != 0).to(at::kDouble).mean(0);
        EXPECT_TRUE(((share - rho).abs() <= 5 * (rho * (1 - rho) / draws).sqrt() + 1e-3).all().item<bool>());
    }
}

TEST(PosteriorDraws, InclusionIsSpikeTimesGateAndAnneals) {
    PosteriorSettings s = small_settings();
    Posterior posterior(s);
    const PosteriorOutput out = made_up_output(s, 4);
    for (const std::int64_t step : {0, 5, 10, 5000}) {
        const double factor = step == 0 ? 2 : step == 5 ? 1.5 : 1;
        const at::Tensor t = threshold(posterior->uncertainty(out), .05, 1, factor);
        const at::Tensor product = at::sigmoid(out.logit) * at::sigmoid(20 * (out.mean.abs() - t));
        EXPECT_TRUE(at::allclose(posterior->inclusion(out, step), product, 1e-10, 1e-12));
    }
    EXPECT_TRUE(at::allclose(posterior->mean(out), posterior->inclusion(out, 10) * out.mean, 1e-12));
}

TEST(PosteriorDraws, SampleAppliesTheAnnealedGate) {
    PosteriorSettings s = small_settings();
    s.relaxation.temperature = 1;
    Posterior posterior(s);
    const PosteriorOutput out = made_up_output(s, 4);
    // The same step of an unannealed twin has the same noise: only the threshold differs.
    s.gate.anneal_from = 1;
    Posterior twin(s);
    EXPECT_TRUE((posterior->sample(out, iota(4), 0).z.abs() < twin->sample(out, iota(4), 0).z.abs())
                    .all()
                    .item<bool>());
    EXPECT_TRUE(at::equal(posterior->sample(out, iota(4), 10).z, twin->sample(out, iota(4), 10).z));
}

TEST(PosteriorDraws, HardKeepsTheMeanOrAnExactZero) {
    for (const PosteriorSettings& s : every_combination()) {
        SCOPED_TRACE(describe(s));
        Posterior posterior(s);
        const PosteriorOutput out = made_up_output(s, 40);
        const at::Tensor z = posterior->hard(out);
        at::Tensor keep = at::ones_like(z, at::kBool);
        if (out.logit.defined()) {
            at::Tensor logit = out.logit;
            if (s.posterior.spike == Spike::layer)
                logit = logit.index_select(2, at::tensor(s.partition.layer));
            keep = keep & (logit >= 0);
        }
        const auto rms = [](const at::Tensor& x) { return x.square().mean({2}, true).sqrt(); };
        if (s.gate.on == Gate::coefficient) {
            keep = keep & (out.mean.abs() >= .05 * (1 + posterior->uncertainty(out)));
        } else if (s.gate.on == Gate::group) {
            const at::Tensor size = rms(out.mean);
            const at::Tensor u =
                out.log_var.defined() ? (rms((out.log_var / 2).exp()) / size).tanh() : size * 0;
            keep = keep & (size >= .05 * (1 + u));
        }
        EXPECT_TRUE(at::equal(z, at::where(keep, out.mean, at::zeros({}, at::kDouble))));
        const double zeros = 1 - keep.to(at::kDouble).mean().item<double>();
        if (out.logit.defined()) {
            EXPECT_GT(zeros, .3);
        } else if (s.gate.on == Gate::off) {
            EXPECT_EQ(zeros, 0);
        }
    }
}

TEST(PosteriorDraws, HardRelaxationsGiveExactZerosInTrainingAndTheConcreteDoesNot) {
    for (const Relaxation kind :
         {Relaxation::concrete, Relaxation::hard_concrete, Relaxation::straight_through}) {
        PosteriorSettings s = small_settings();
        s.relaxation.kind = kind;
        s.relaxation.temperature = .5;
        s.gate.on = Gate::off;
        const at::Tensor z = Posterior(s)->sample(made_up_output(s, 40), iota(40), 0).z;
        const double zeros = (z == 0).to(at::kDouble).mean().item<double>();
        if (kind == Relaxation::concrete) {
            EXPECT_EQ(zeros, 0);
        } else {
            EXPECT_GT(zeros, .1);
        }
    }
}

TEST(PosteriorDraws, ZeroMeansGiveFiniteGradientsUnderEveryGate) {
    for (const PosteriorSettings& s : every_combination()) {
        SCOPED_TRACE(describe(s));
        PosteriorOutput out = made_up_output(s, 3, at::kFloat);
        out.mean = at::zeros_like(out.mean).requires_grad_();
        const PosteriorDraw draw = Posterior(s)->sample(out, iota(3), 0);
        (draw.z.sum() + draw.kl_spike.sum() + draw.kl_slab.sum()).backward();
        EXPECT_TRUE(out.mean.grad().isfinite().all().item<bool>());
    }
}

}  // namespace
}  // namespace vtvc
