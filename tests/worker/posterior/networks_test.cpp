// What the networks answer: shapes, starts, conditioning, state.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "posterior_fixture.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using test::disturb;
using test::iota;
using test::normals;
using test::small_settings;

at::Tensor tasks(std::int64_t rows, std::int64_t datasets) {
    return at::arange(rows, at::kLong).remainder(datasets);
}

/// Every family, spike, form and trunk, told of two data sets. One test runs them all: a process a case, as
/// CTest would have it, spends its time on loading torch.
std::vector<PosteriorSettings> every_variant() {
    std::vector<PosteriorSettings> all;
    for (const Family family : {Family::spike_slab, Family::gaussian, Family::point}) {
        for (const Spike spike : {Spike::group, Spike::layer, Spike::coefficient}) {
            for (const Form form : {Form::plain, Form::hierarchical}) {
                for (const Trunk trunk : {Trunk::separate, Trunk::shared}) {
                    PosteriorSettings s = small_settings();
                    s.posterior.family = family;
                    s.posterior.spike = spike;
                    s.posterior.form = form;
                    s.posterior.trunk = trunk;
                    s.datasets = 2;
                    all.push_back(s);
                }
            }
        }
    }
    return all;
}

std::string describe(const PosteriorSettings& s) {
    return name_of(s.posterior.family) + " " + name_of(s.posterior.spike) + " " + name_of(s.posterior.form) +
           " " + name_of(s.posterior.trunk);
}

TEST(PosteriorVariants, AnswersHaveTheDocumentedShapes) {
    for (const PosteriorSettings& s : every_variant()) {
        SCOPED_TRACE(describe(s));
        for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
            Posterior posterior(s);
            posterior->to(type);
            const PosteriorOutput out = posterior->forward(normals({5, 6}, 4, type), tasks(5, 2));
            const std::vector<std::int64_t> full{5, 3, 7};
            EXPECT_EQ(out.mean.sizes(), full);
            EXPECT_EQ(out.mean.scalar_type(), type);
            EXPECT_EQ(out.log_var.defined(), s.posterior.family != Family::point);
            if (out.log_var.defined()) {
                EXPECT_EQ(out.log_var.sizes(), full);
            }
            EXPECT_EQ(out.logit.defined(), s.posterior.family == Family::spike_slab);
            if (out.logit.defined()) {
                EXPECT_EQ(out.logit.sizes(), (std::vector<std::int64_t>{5, 3, test::spike_count(s)}));
            }
            EXPECT_EQ(out.centre.defined(), s.posterior.form == Form::hierarchical);
            if (out.centre.defined()) {
                EXPECT_EQ(out.centre.sizes(), full);
            }

            const PosteriorDraw draw = posterior->sample(out, iota(5), 3);
            EXPECT_EQ(draw.kl_spike.sizes(), (std::vector<std::int64_t>{5}));
            EXPECT_EQ(draw.kl_slab.sizes(), (std::vector<std::int64_t>{5}));
            EXPECT_EQ(weighted_kl(draw, s, 3).sizes(), (std::vector<std::int64_t>{5}));
            for (const at::Tensor& z :
                 {draw.z, posterior->mean(out), posterior->hard(out), posterior->monte_carlo(out, iota(5), 0),
                  posterior->inclusion(out, 3), posterior->uncertainty(out)}) {
                EXPECT_EQ(z.sizes(), full);
                EXPECT_EQ(z.scalar_type(), type);
                EXPECT_TRUE(z.isfinite().all().item<bool>());
            }
        }
    }
}

TEST(PosteriorVariants, StartIsTheSameForEverySampleAndEqualsTheGivenBiases) {
    for (PosteriorSettings s : every_variant()) {
        SCOPED_TRACE(describe(s));
        s.posterior.mean_start = .25;
        Posterior posterior(s);
        const PosteriorOutput out = posterior->forward(normals({5, 6}, 4, at::kFloat), tasks(5, 2));
        EXPECT_TRUE(at::equal(out.mean, at::full({5, 3, 7}, .25)));
        if (out.log_var.defined()) {
            EXPECT_TRUE(at::equal(out.log_var, at::full({5, 3, 7}, -5.)));
        }
        if (out.logit.defined()) {
            EXPECT_TRUE(at::equal(out.logit, at::full_like(out.logit, 2.)));
        }
        if (out.centre.defined()) {
            EXPECT_TRUE(at::equal(out.centre, out.mean));  // the residual starts at zero: μ = c[task]
        }
    }
}

TEST(PosteriorVariants, EveryParameterIsReachedByTheGradientOfZAndKl) {
    for (const PosteriorSettings& s : every_variant()) {
        SCOPED_TRACE(describe(s));
        Posterior posterior(s);
        disturb(posterior, .1);
        const PosteriorOutput out = posterior->forward(normals({16, 6}, 4, at::kFloat), tasks(16, 2));
        const PosteriorDraw draw = posterior->sample(out, iota(16), 3);
        (draw.z.square().sum() + draw.kl_spike.sum() + draw.kl_slab.sum()).backward();
        for (const auto& entry : posterior->named_parameters()) {
            ASSERT_TRUE(entry.value().grad().defined()) << entry.key();
            EXPECT_GT(entry.value().grad().abs().sum().item<double>(), 0) << entry.key();
        }
    }
}

// As a method file does: names and values, nothing else.
TEST(PosteriorVariants, StateByNameBringsBackEveryBit) {
    for (const PosteriorSettings& s : every_variant()) {
        SCOPED_TRACE(describe(s));
        Posterior trained(s);
        trained->set_standardisation(normals({6}, 5, at::kFloat), normals({6}, 6, at::kFloat).abs());
        std::map<std::string, at::Tensor> file;
        disturb(trained, .1);
        for (const auto& entry : trained->named_parameters())
            file[entry.key()] = entry.value().detach().clone();
        for (const auto& entry : trained->named_buffers()) file[entry.key()] = entry.value().clone();

        Posterior loaded(s);
        at::NoGradGuard no_grad;
        std::size_t copied = 0;
        for (auto& entry : loaded->named_parameters()) entry.value().copy_(file.at(entry.key())), ++copied;
        for (auto& entry : loaded->named_buffers()) entry.value().copy_(file.at(entry.key())), ++copied;
        EXPECT_EQ(copied, file.size());

        const at::Tensor h = normals({5, 6}, 4, at::kFloat), task = tasks(5, 2);
        const PosteriorOutput a = trained->forward(h, task), b = loaded->forward(h, task);
        EXPECT_TRUE(at::equal(trained->mean(a), loaded->mean(b)));
        EXPECT_TRUE(at::equal(trained->hard(a), loaded->hard(b)));
        EXPECT_TRUE(at::equal(trained->sample(a, iota(5), 4).z, loaded->sample(b, iota(5), 4).z));
        // Evaluation counts nothing: the same call again, the same answer.
        EXPECT_TRUE(at::equal(trained->mean(trained->forward(h, task)), loaded->mean(b)));
    }
}

std::map<std::string, std::vector<std::int64_t>> shapes(const Posterior& posterior) {
    std::map<std::string, std::vector<std::int64_t>> result;
    for (const auto& entry : posterior->named_parameters()) result[entry.key()] = entry.value().sizes().vec();
    return result;
}

TEST(PosteriorNetworks, NamesAreStable) {
    PosteriorSettings s = small_settings();
    std::vector<std::string> names;
    for (const auto& entry : Posterior(s)->named_parameters()) names.push_back(entry.key());
    const std::vector<std::string> separate{"networks.mean_trunk.hidden0.weight",
                                            "networks.mean_trunk.hidden0.bias",
                                            "networks.mean.weight",
                                            "networks.mean.bias",
                                            "networks.log_var_trunk.hidden0.weight",
                                            "networks.log_var_trunk.hidden0.bias",
                                            "networks.log_var.weight",
                                            "networks.log_var.bias",
                                            "networks.logit_trunk.hidden0.weight",
                                            "networks.logit_trunk.hidden0.bias",
                                            "networks.logit.weight",
                                            "networks.logit.bias"};
    EXPECT_EQ(names, separate);
    s.posterior.trunk = Trunk::shared;
    const auto shared = shapes(Posterior(s));
    EXPECT_EQ(shared.size(), 8u);
    EXPECT_TRUE(shared.contains("networks.shared_trunk.hidden0.weight"));
}

TEST(PosteriorNetworks, WideHeadsAreLowRankAndHiddenLayersCapped) {
    PosteriorSettings s = small_settings();
    s.features = 100;
    s.partition = test::small_partition(1400);  // K·J = 4,200
    s.posterior.hidden = {3000, 80};
    auto wide = shapes(Posterior(s));
    EXPECT_EQ(wide.at("networks.mean_trunk.hidden0.weight"), (std::vector<std::int64_t>{1024, 100}));
    EXPECT_EQ(wide.at("networks.mean.weight"), (std::vector<std::int64_t>{4200, 64}));
    EXPECT_EQ(wide.at("networks.mean.factor"), (std::vector<std::int64_t>{64, 80}));
    EXPECT_FALSE(wide.contains("networks.logit.factor"));  // K outputs: a factor would save nothing
    s.partition = test::small_partition(7);
    s.posterior.rank = 4;
    EXPECT_EQ(shapes(Posterior(s)).at("networks.mean.factor"), (std::vector<std::int64_t>{4, 80}));
}

TEST(PosteriorNetworks, LogVarianceIsClamped) {
    PosteriorSettings s = small_settings();
    s.posterior.log_var_start = -30;
    EXPECT_EQ(Posterior(s)->forward(normals({2, 6}, 1), {}).log_var.max().item<double>(), -8);
    s.posterior.log_var_start = 30;
    EXPECT_EQ(Posterior(s)->forward(normals({2, 6}, 1), {}).log_var.min().item<double>(), 2);
}

TEST(PosteriorNetworks, StartsAreAsNamed) {
    PosteriorSettings s = small_settings();
    s.prior.inclusion = .2;
    const at::Tensor h = normals({4, 6}, 1);
    EXPECT_NEAR(Posterior(s)->forward(h, {}).mean.mean().item<double>(), 1. / 3, 1e-6);  // 1/K
    s.posterior.start = Start::zero;
    EXPECT_EQ(Posterior(s)->forward(h, {}).mean.abs().max().item<double>(), 0);
    s.posterior.logit_start = std::numeric_limits<double>::quiet_NaN();
    EXPECT_NEAR(Posterior(s)->forward(h, {}).logit.mean().item<double>(), std::log(.2 / .8), 1e-6);
    s.posterior.start = Start::wide;
    s.posterior.logit_start = 2;
    s.posterior.hidden = {64};
    Posterior wide(s);
    const PosteriorOutput out = wide->forward(h, {});
    EXPECT_LT((out.log_var).abs().max().item<double>(), .1);
    EXPECT_LT((out.logit - std::log(.2 / .8)).abs().max().item<double>(), .1);
    EXPECT_NEAR(wide->named_parameters()["networks.mean.weight"].std().item<double>(), .01, 1e-3);
}

TEST(PosteriorNetworks, HiddenLayersAreHeNormalFromTheSeedAlone) {
    PosteriorSettings s = small_settings();
    s.features = 200;
    s.posterior.hidden = {300};
    const at::Tensor before = at::rand({3});
    torch::manual_seed(1);
    Posterior a(s);
    const at::Tensor after_a = at::rand({3});
    torch::manual_seed(1);
    const at::Tensor untouched = at::rand({3});
    EXPECT_TRUE(at::equal(after_a, untouched)) << "the global generator was used";
    Posterior b(s);
    s.seed = 6;
    Posterior c(s);
    const char* name = "networks.mean_trunk.hidden0.weight";
    const at::Tensor weight = a->named_parameters()[name];
    EXPECT_TRUE(at::equal(weight, b->named_parameters()[name]));
    EXPECT_FALSE(at::equal(weight, c->named_parameters()[name]));
    EXPECT_NEAR(weight.std().item<double>(), .1, .002);  // √(2/200), 60,000 weights
}

TEST(PosteriorNetworks, StandardisationUndoesScaleAndOffset) {
    Posterior plain(small_settings()), moved(small_settings());
    for (Posterior posterior : {plain, moved}) {
        disturb(posterior, 1);
        posterior->to(at::kDouble);
    }
    const at::Tensor h = normals({4, 6}, 1), mean = normals({6}, 2), sd = normals({6}, 3).abs() + .1;
    moved->set_standardisation(mean, sd);
    EXPECT_TRUE(
        at::allclose(moved->forward(h * sd + mean, {}).mean, plain->forward(h, {}).mean, 1e-9, 1e-12));
    moved->set_standardisation(mean, at::zeros({6}));  // a constant feature
    EXPECT_TRUE(moved->forward(h, {}).mean.isfinite().all().item<bool>());
    EXPECT_THROW(moved->set_standardisation(mean, at::ones({5})), NumericError);
}

TEST(PosteriorNetworks, ToldDataSetChangesThePlainFormThroughItsInputAndTheHierarchicalThroughC) {
    for (const Form form : {Form::plain, Form::hierarchical}) {
        PosteriorSettings s = small_settings();
        s.datasets = 2;
        s.posterior.form = form;
        Posterior posterior(s);
        disturb(posterior, 1);
        const at::Tensor h = normals({1, 6}, 1);
        const PosteriorOutput a = posterior->forward(h, at::zeros({1}, at::kLong));
        const PosteriorOutput b = posterior->forward(h, at::ones({1}, at::kLong));
        EXPECT_FALSE(at::equal(a.mean, b.mean));
        EXPECT_EQ(at::equal(a.log_var, b.log_var), form == Form::hierarchical);
        EXPECT_EQ(posterior->task_parameters().size(), form == Form::hierarchical ? 1u : 0u);
        EXPECT_EQ(posterior->task_parameters().size() + posterior->network_parameters().size(),
                  posterior->parameters().size());
        EXPECT_THROW(posterior->forward(h, {}), NumericError);
        EXPECT_THROW(posterior->forward(h, at::full({1}, 2, at::kLong)), NumericError);
        EXPECT_THROW(posterior->forward(normals({1, 5}, 1), at::zeros({1}, at::kLong)), NumericError);
    }
}

TEST(PosteriorNetworks, EvaluationDoesNotDependOnTheBatchByABit) {
    PosteriorSettings s = small_settings();
    s.features = 61;
    s.vectors = 5;
    s.partition = test::small_partition(55);
    s.posterior.hidden = {64};
    Posterior posterior(s);
    disturb(posterior, 1);
    const at::Tensor h = normals({128, 61}, 1, at::kFloat);
    const PosteriorOutput trained = posterior->forward(h, {});
    at::NoGradGuard no_grad;
    const PosteriorOutput whole = posterior->forward(h, {});
    EXPECT_TRUE(at::allclose(whole.mean, trained.mean, 1e-4, 1e-3));  // sums of 64 products of order 10
    for (const std::int64_t size : {1, 2, 16, 64, 127}) {
        for (const std::int64_t first : {std::int64_t{0}, 128 - size}) {
            const PosteriorOutput part = posterior->forward(h.narrow(0, first, size), {});
            EXPECT_TRUE(at::equal(part.mean, whole.mean.narrow(0, first, size)));
            EXPECT_TRUE(at::equal(part.log_var, whole.log_var.narrow(0, first, size)));
            EXPECT_TRUE(at::equal(part.logit, whole.logit.narrow(0, first, size)));
        }
    }
}

TEST(PosteriorNetworks, DropoutComesFromIdAndStepAndIsOffInEvaluation) {
    PosteriorSettings s = small_settings();
    s.posterior.dropout = .5;
    s.posterior.hidden = {40, 30};
    Posterior posterior(s);
    disturb(posterior, 1);
    const at::Tensor h = normals({4, 6}, 1).select(0, 0).expand({4, 6});
    EXPECT_THROW(posterior->forward(h, {}), ConfigError);
    const at::Tensor first = posterior->forward(h, {}, iota(4), 7).mean;
    EXPECT_TRUE(at::equal(first, posterior->forward(h, {}, iota(4), 7).mean));
    EXPECT_TRUE(at::equal(first.flip(0), posterior->forward(h, {}, {3, 2, 1, 0}, 7).mean));
    EXPECT_FALSE(at::equal(first, posterior->forward(h, {}, iota(4), 8).mean));
    EXPECT_FALSE(at::equal(first.select(0, 0), first.select(0, 1)));
    posterior->eval();
    EXPECT_TRUE(at::equal(posterior->forward(h, {}, iota(4), 7).mean, posterior->forward(h, {}).mean));
}

TEST(PosteriorNetworks, RefusesSettingsThatCannotBeMeant) {
    const auto refuses = [](auto change) {
        PosteriorSettings s = small_settings();
        change(s);
        EXPECT_THROW(Posterior{s}, ConfigError);
    };
    refuses([](PosteriorSettings& s) { s.posterior.form = Form::hierarchical; });
    refuses([](PosteriorSettings& s) { s.features = 0; });
    refuses([](PosteriorSettings& s) { s.partition.layer.pop_back(); });
    refuses([](PosteriorSettings& s) { s.posterior.hidden = {0}; });
    refuses([](PosteriorSettings& s) { s.posterior.dropout = 1; });
    refuses([](PosteriorSettings& s) { s.prior.inclusion = 1; });
    refuses([](PosteriorSettings& s) { s.prior.sd = 0; });
    refuses([](PosteriorSettings& s) { s.relaxation.temperature = 0; });
    refuses([](PosteriorSettings& s) {
        s.gate.on = Gate::group;
        s.gate.measure = GateMeasure::sample;
    });
}

}  // namespace
}  // namespace vtvc
