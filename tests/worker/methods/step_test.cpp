// A step on the tangent against a step through the composed network: the same gradients where they touch.
#include "vtvc/methods/step.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "vtvc/tangent/jacobian.hpp"
#include "vtvc/tangent/stored.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t samples = 5, classes = 4, tasks = 3;
constexpr float start = .4F;

/// A network, its bank, a head and a batch of random numbers, and the Jacobian about `start` everywhere.
struct Small {
    Vit vit{keys()};
    BankView bank{random_bank(vit)};
    Head head;
    Batch batch;
    StoredTangent tangent;

    static ModelKeys keys() {
        ModelKeys keys;
        keys.image = 8;
        keys.patch = 4;
        keys.width = 16;
        keys.depth = 1;
        keys.heads = 2;
        keys.mlp = 16;
        keys.output = 6;
        return keys;
    }
    static BankView random_bank(const Vit& vit) {
        torch::manual_seed(21);
        std::vector<at::Tensor> base, tau;
        for (const Block& block : vit.blocks()) {
            std::vector<std::int64_t> stacked = block.shape;
            stacked.insert(stacked.begin(), tasks);
            base.push_back(torch::randn(block.shape) * .3);
            tau.push_back(torch::randn(stacked) * .2);
        }
        return BankView(vit.blocks(), {"a", "b", "c"}, base, tau, Partition::layer);
    }

    Small() {
        head.weight = torch::randn({classes, 6});
        head.scale = 8;
        batch.images = torch::randn({samples, 1, 8, 8});
        batch.features = torch::randn({samples, 6});
        batch.task = torch::zeros({samples}, at::kLong);
        batch.labels = torch::randint(classes, {samples}, at::kLong);
        for (std::int64_t i = 0; i < samples; ++i) batch.ids.push_back(100 + i);
        batch.rows.resize(samples);
        std::iota(batch.rows.begin(), batch.rows.end(), 0);

        const at::Tensor centre = torch::full({tasks, bank.coefficients()}, start);
        const Expansion made = backward_jacobian(
            vit, bank, [&](const at::Tensor& x) { return head.logits(x); }, batch.images, centre);
        JacobianAbout about{{"", "", "", "", "layer", bank.task_names()},
                            bank.partition().names,
                            classes,
                            JacobianStore::f32,
                            std::vector<float>(static_cast<std::size_t>(centre.numel()), start)};
        JacobianRows rows{samples, batch.ids, {}, {}, {}};
        rows.logits.assign(made.logits.data_ptr<float>(), made.logits.data_ptr<float>() + samples * classes);
        const auto bytes = std::as_bytes(
            std::span(made.jacobian.data_ptr<float>(), static_cast<std::size_t>(made.jacobian.numel())));
        rows.numbers.assign(bytes.begin(), bytes.end());
        tangent = StoredTangent(about, std::move(rows));
    }

    SampleLosses losses(const at::Tensor& logits) const {
        return {-torch::log_softmax(logits, 1).gather(1, batch.labels.unsqueeze(1)).squeeze(1),
                (logits.argmax(1) == batch.labels).to(at::kFloat)};
    }
    LossesOf exact() const {
        return [this](const at::Tensor& z) {
            return losses(head.logits(vit.forward(batch.images, *make_composed(bank, z))));
        };
    }
    LossesOf linear() const {
        return [this](const at::Tensor& z) { return losses(tangent.logits(batch.rows, z)); };
    }
};

/// A posterior whose every mean is `mean` at its start.
Posterior posterior_at(const Small& small, double mean, Family family) {
    PosteriorSettings settings;
    settings.posterior.family = family;
    settings.posterior.mean_start = mean;
    settings.posterior.hidden = {8};
    settings.features = 6;
    settings.vectors = tasks;
    settings.partition = small.bank.partition();
    settings.relaxation.samples = 2;
    return Posterior(settings);
}

struct Outcome {
    std::vector<double> sums;
    std::vector<at::Tensor> gradients;
};
Outcome step(const Small& small, double mean, Family family, const LossesOf& losses) {
    Posterior posterior = posterior_at(small, mean, family);
    posterior->train();
    Outcome outcome{posterior_step(posterior, small.batch, 3, samples, losses), {}};
    for (const at::Tensor& parameter : posterior->parameters())
        outcome.gradients.push_back(parameter.grad().defined() ? parameter.grad()
                                                               : at::zeros_like(parameter));
    return outcome;
}

double apart(const Outcome& a, const Outcome& b) {
    double most = 0, size = 0;
    for (std::size_t i = 0; i < a.gradients.size(); ++i) {
        most = std::max(most, (a.gradients[i] - b.gradients[i]).abs().max().item<double>());
        size = std::max(size, b.gradients[i].abs().max().item<double>());
    }
    EXPECT_GT(size, 0);
    return most / size;
}

TEST(PosteriorStep, OnTheTangentHasTheExactGradientsAtThePointOfExpansion) {
    const Small small;
    const Outcome exact = step(small, start, Family::point, small.exact()),
                  linear = step(small, start, Family::point, small.linear());
    // Both end in float sums over the network's layers.
    EXPECT_LT(apart(linear, exact), 1e-4);
    for (std::size_t m = 0; m < exact.sums.size(); ++m)
        EXPECT_NEAR(linear.sums[m], exact.sums[m], 1e-4 * (1 + std::abs(exact.sums[m])))
            << posterior_metrics()[m];
}

TEST(PosteriorStep, AwayFromItTheyDiffer) {
    const Small small;
    EXPECT_GT(apart(step(small, 2 * start, Family::point, small.linear()),
                    step(small, 2 * start, Family::point, small.exact())),
              1e-2);
}

TEST(PosteriorStep, OnlyTheCrossEntropyKnowsWhereTheLogitsCameFrom) {
    const Small small;
    const Outcome exact = step(small, start, Family::spike_slab, small.exact()),
                  linear = step(small, start, Family::spike_slab, small.linear());
    for (const std::size_t m : {3U, 4U, 5U, 6U}) EXPECT_EQ(linear.sums[m], exact.sums[m]);
    EXPECT_NE(linear.sums[2], exact.sums[2]);
}

}  // namespace
}  // namespace vtvc
