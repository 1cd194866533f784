// Both schemes against a loop over samples that says what composition means, against each other, and against
// the base, the fine-tuned and the merged networks. Doubles, so that 1e-12 is far above rounding (sums of
// some hundred terms of size one) and far below any real error.
#include "vtvc/composition/composed.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>

#include "vtvc/composition/plain.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t kWeight = 0, kBias = 1, kProjection = 2, kTable = 3, kGain = 4, kPatch = 5;

/// A bank with a block of every kind: weight [O, I], bias [O], projection [I, O], table [3, I], gain [I] and
/// patch kernel [O, 1, 1, I].
BankView make_bank(std::int64_t tasks, std::int64_t inputs, std::int64_t outputs,
                   Partition partition = Partition::tensor, at::ScalarType type = at::kDouble) {
    torch::manual_seed(7);
    const std::vector<Block> blocks{
        {"layer.weight", {outputs, inputs}}, {"layer.bias", {outputs}},
        {"proj", {inputs, outputs}},         {"table", {3, inputs}},
        {"norm.weight", {inputs}},           {"conv1.weight", {outputs, 1, 1, inputs}}};
    std::vector<std::string> names;
    for (std::int64_t k = 0; k < tasks; ++k) names.push_back("task" + std::to_string(k));
    std::vector<at::Tensor> base, tau;
    for (const Block& block : blocks) {
        std::vector<std::int64_t> stacked = block.shape;
        stacked.insert(stacked.begin(), tasks);
        base.push_back(torch::randn(block.shape, type));
        tau.push_back(torch::randn(stacked, type));
    }
    return BankView(blocks, names, base, tau, partition);
}

/// What composition means: each sample has its own weights.
at::Tensor weights_of(const BankView& bank, const at::Tensor& z, std::int64_t sample, std::int64_t block) {
    at::Tensor w = bank.base(block);
    const std::int64_t j = bank.partition().index[static_cast<std::size_t>(block)];
    for (std::int64_t k = 0; k < bank.tasks(); ++k) w = w + z[sample][k][j] * bank.tau(block)[k].view_as(w);
    return w;
}

using Run = std::function<at::Tensor(Weights&, const at::Tensor&)>;

const std::vector<std::pair<std::string, Run>>& operations() {
    static const std::vector<std::pair<std::string, Run>> all{
        {"linear", [](Weights& w, const at::Tensor& x) { return w.linear(x, kWeight, kBias); }},
        {"linear without bias", [](Weights& w, const at::Tensor& x) { return w.linear(x, kWeight, -1); }},
        {"linear transposed",
         [](Weights& w, const at::Tensor& x) { return w.linear_transposed(x, kProjection); }},
        {"patch kernel", [](Weights& w, const at::Tensor& x) { return w.linear(x, kPatch, kBias); }},
        {"vector", [](Weights& w, const at::Tensor& x) { return x * w.vector(kGain).unsqueeze(1); }},
        {"table", [](Weights& w, const at::Tensor& x) { return w.vector(kTable) * x.sum(1, true); }},
        {"layer norm",
         [](Weights& w, const at::Tensor& x) { return composed_layer_norm(w, x, kGain, kGain); }},
    };
    return all;
}

/// The operation sample by sample with plain weights, which are tested by themselves below.
at::Tensor reference(const BankView& bank, const at::Tensor& z, const at::Tensor& x, const Run& run) {
    std::vector<at::Tensor> outputs;
    for (std::int64_t b = 0; b < x.size(0); ++b) {
        std::vector<at::Tensor> own;
        for (std::size_t j = 0; j < bank.blocks().size(); ++j)
            own.push_back(weights_of(bank, z, b, static_cast<std::int64_t>(j)));
        PlainWeights weights(own);
        outputs.push_back(run(weights, x.narrow(0, b, 1)));
    }
    return at::cat(outputs);
}

struct Result {
    at::Tensor y, dx, dz;
};
Result differentiate(const at::Tensor& y, const at::Tensor& x, const at::Tensor& z) {
    // A gradient that is not constant, or wrong sums could hide.
    const at::Tensor loss = (y * torch::linspace(-1, 2, y.numel(), y.options()).view_as(y)).sum();
    const auto gradients = torch::autograd::grad({loss}, {x, z}, {}, false, false, true);
    return {y.detach(), gradients[0], gradients[1].defined() ? gradients[1] : at::zeros_like(z)};
}

double distance(const at::Tensor& a, const at::Tensor& b) {
    return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

struct Size {
    std::int64_t samples, tokens, inputs, outputs, tasks;
};

class EverySize : public testing::TestWithParam<Size> {};

TEST_P(EverySize, SchemesAgreeWithALoopOverSamplesInValueAndGradient) {
    const auto [samples, tokens, inputs, outputs, tasks] = GetParam();
    for (const Partition partition : {Partition::tensor, Partition::model}) {
        const BankView bank = make_bank(tasks, inputs, outputs, partition);
        const auto x = torch::randn({samples, tokens, inputs}, at::kDouble).requires_grad_();
        const auto z = torch::randn({samples, tasks, bank.coefficients()}, at::kDouble).requires_grad_();
        for (const auto& [name, run] : operations()) {
            const Result expected = differentiate(reference(bank, z, x, run), x, z);
            for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic}) {
                const auto weights = make_composed(bank, z, scheme);
                const Result got = differentiate(run(*weights, x), x, z);
                ASSERT_EQ(got.y.sizes(), expected.y.sizes()) << name;
                EXPECT_LT(distance(got.y, expected.y), 1e-12) << name;
                EXPECT_LT(distance(got.dx, expected.dx), 1e-11) << name;
                EXPECT_LT(distance(got.dz, expected.dz), 1e-11) << name;
            }
            const at::NoGradGuard evaluation;
            for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
                const auto weights = make_composed(bank, z, scheme);
                EXPECT_LT(distance(run(*weights, x), expected.y), 1e-12) << name << " in evaluation";
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, EverySize,
                         testing::Values(Size{4, 5, 6, 8, 3}, Size{1, 5, 6, 8, 3}, Size{4, 1, 6, 8, 3},
                                         Size{4, 5, 6, 8, 1}, Size{1, 1, 1, 1, 1}, Size{7, 3, 13, 9, 5},
                                         Size{3, 17, 31, 33, 2}));

TEST(Composed, GradientsMatchFiniteDifferences) {
    const BankView bank = make_bank(2, 3, 4);
    const at::Tensor x = torch::randn({2, 3, 3}, at::kDouble), z = torch::randn({2, 2, 6}, at::kDouble);
    for (const auto& [name, run] : operations()) {
        for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
            const auto loss = [&, &operation = run](const at::Tensor& at_x, const at::Tensor& at_z) {
                const at::Tensor y = operation(*make_composed(bank, at_z, scheme), at_x);
                return (y * torch::linspace(-1, 2, y.numel(), y.options()).view_as(y)).sum();
            };
            const at::Tensor tracked_x = x.clone().requires_grad_(), tracked_z = z.clone().requires_grad_();
            const auto gradients =
                torch::autograd::grad({loss(tracked_x, tracked_z)}, {tracked_x, tracked_z});
            for (const bool of_z : {false, true}) {
                const at::Tensor& gradient = gradients[of_z];
                at::Tensor point = (of_z ? z : x).clone();
                at::Tensor flat = point.view(-1);
                for (std::int64_t i = 0; i < flat.numel(); ++i) {
                    // Central differences of a smooth function: error about h² = 1e-10, rounding 1e-16/h.
                    constexpr double h = 1e-5;
                    const double here = flat[i].item<double>();
                    const auto value = [&](double moved) {
                        flat[i] = moved;
                        return (of_z ? loss(x, point) : loss(point, z)).item<double>();
                    };
                    const double slope = (value(here + h) - value(here - h)) / (2 * h);
                    flat[i] = here;
                    EXPECT_NEAR(gradient.reshape(-1)[i].item<double>(), slope, 1e-7) << name;
                }
            }
        }
    }
}

TEST(Composed, AcceptsInputsThatAreNotContiguous) {
    const BankView bank = make_bank(3, 6, 8);
    const at::Tensor x = torch::randn({6, 5, 4}, at::kDouble).permute({2, 1, 0}).requires_grad_();
    const at::Tensor z = torch::randn({6, 3, 4}, at::kDouble).permute({2, 1, 0}).requires_grad_();
    for (const auto& [name, run] : operations()) {
        const Result expected = differentiate(reference(bank, z, x, run), x, z);
        for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
            const Result got = differentiate(run(*make_composed(bank, z, scheme), x), x, z);
            EXPECT_LT(distance(got.y, expected.y), 1e-12) << name;
            EXPECT_LT(distance(got.dx, expected.dx), 1e-11) << name;
            EXPECT_LT(distance(got.dz, expected.dz), 1e-11) << name;
        }
    }
}

TEST(Composed, AcceptsAGradientThatIsOneExpandedNumber) {
    const BankView bank = make_bank(3, 6, 8);
    const auto x = torch::randn({4, 5, 6}, at::kDouble).requires_grad_();
    const auto z = torch::randn({4, 3, 6}, at::kDouble).requires_grad_();
    for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
        const auto gradients =
            torch::autograd::grad({make_composed(bank, z, scheme)->linear(x, kWeight, kBias).sum()}, {z});
        const auto by_loop =
            torch::autograd::grad({reference(bank, z, x, operations()[0].second).sum()}, {z});
        EXPECT_LT(distance(gradients[0], by_loop[0]), 1e-11);
    }
}

TEST(Composed, EmptyBatchGivesEmptyResultsAndGradients) {
    const BankView bank = make_bank(3, 6, 8);
    for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic}) {
        const auto x = torch::randn({0, 5, 6}, at::kDouble).requires_grad_();
        const auto z = torch::randn({0, 3, 6}, at::kDouble).requires_grad_();
        const at::Tensor y = make_composed(bank, z, scheme)->linear(x, kWeight, kBias);
        EXPECT_EQ(y.sizes(), (at::IntArrayRef{0, 5, 8}));
        const auto gradients = torch::autograd::grad({y.sum()}, {x, z});
        EXPECT_EQ(gradients[1].sizes(), z.sizes());
        const at::NoGradGuard evaluation;
        EXPECT_EQ(make_composed(bank, z, scheme)->linear(x, kWeight, kBias).size(0), 0);
    }
}

TEST(Composed, WithoutAnyCoefficientEqualsTheBaseBitForBit) {
    const BankView bank = make_bank(3, 6, 8, Partition::tensor, at::kFloat);
    std::vector<at::Tensor> base;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j)
        base.push_back(bank.base(static_cast<std::int64_t>(j)));
    PlainWeights plain(base);
    const at::Tensor z = torch::zeros({4, 3, 6}), x = torch::randn({4, 5, 6});
    for (const bool gradients : {true, false}) {
        const at::AutoGradMode mode(gradients);
        for (const auto& [name, run] : operations())
            EXPECT_TRUE(at::equal(run(*make_composed(bank, z), x), run(plain, x))) << name;
    }
}

TEST(Composed, OneCoefficientOfOneGivesTheFineTunedNetwork) {
    const BankView bank = make_bank(3, 6, 8);
    const at::Tensor x = torch::randn({4, 5, 6}, at::kDouble);
    for (std::int64_t k = 0; k < 3; ++k) {
        at::Tensor z = torch::zeros({4, 3, 6}, at::kDouble);
        z.select(1, k).fill_(1);
        std::vector<at::Tensor> tuned;
        for (std::int64_t j = 0; j < 6; ++j)
            tuned.push_back(bank.base(j) + bank.tau(j)[k].view_as(bank.base(j)));
        PlainWeights plain(tuned);
        for (const auto& [name, run] : operations())
            EXPECT_LT(distance(run(*make_composed(bank, z), x), run(plain, x)), 1e-12) << name;
    }
}

TEST(Composed, OneMatrixForAllSamplesEqualsTheMergedNetwork) {
    for (const Partition partition : {Partition::tensor, Partition::module, Partition::model}) {
        const BankView bank = make_bank(3, 6, 8, partition);
        const at::Tensor z = torch::randn({3, bank.coefficients()}, at::kDouble);
        const at::Tensor x = torch::randn({4, 5, 6}, at::kDouble);
        PlainWeights plain(merge(bank, z));
        for (const auto& [name, run] : operations())
            EXPECT_LT(distance(run(*make_composed(bank, z.expand({4, -1, -1})), x), run(plain, x)), 1e-12)
                << name;
    }
}

TEST(Merge, OfZeroIsTheBaseBitForBitAndItsGradientReachesTheCoefficients) {
    const BankView bank = make_bank(3, 6, 8, Partition::tensor, at::kFloat);
    const at::Tensor z = torch::zeros({3, 6}).requires_grad_();
    const std::vector<at::Tensor> merged = merge(bank, z);
    for (std::int64_t j = 0; j < 6; ++j)
        EXPECT_TRUE(at::equal(merged[static_cast<std::size_t>(j)], bank.base(j)));
    const auto gradients = torch::autograd::grad({merged[kWeight].sum()}, {z});
    EXPECT_LT(distance(gradients[0].select(1, kWeight), bank.tau(kWeight).sum(1)), 1e-5);
    EXPECT_EQ(gradients[0].select(1, kBias).abs().max().item<float>(), 0);
}

TEST(Composed, ACoefficientThatStartsAtZeroHasItsGradient) {
    const BankView bank = make_bank(2, 6, 8);
    const auto z = torch::zeros({4, 2, 6}, at::kDouble).requires_grad_();
    const at::Tensor x = torch::randn({4, 5, 6}, at::kDouble);
    for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic}) {
        const at::Tensor y = make_composed(bank, z, scheme)->linear(x, kWeight, kBias);
        const at::Tensor gradient = torch::autograd::grad({y.square().sum()}, {z})[0];
        EXPECT_GT(gradient.select(2, kWeight).abs().min().item<double>(), 0);
        EXPECT_GT(gradient.select(2, kBias).abs().min().item<double>(), 0);
    }
}

TEST(Composed, TasksThatNoSampleUsesChangeNothing) {
    const BankView bank = make_bank(4, 6, 8);
    at::Tensor z = torch::randn({4, 4, 6}, at::kDouble);
    z.select(1, 1).zero_();
    z.select(1, 2).zero_();
    z[2].zero_();
    const auto x = torch::randn({4, 5, 6}, at::kDouble).requires_grad_();
    for (const auto& [name, run] : operations())
        for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
            const at::Tensor y = run(*make_composed(bank, z, scheme), x),
                             expected = reference(bank, z, x, run);
            EXPECT_LT(distance(y, expected), 1e-12) << name;
            EXPECT_LT(distance(torch::autograd::grad({y.square().sum()}, {x})[0],
                               torch::autograd::grad({expected.square().sum()}, {x})[0]),
                      1e-10)
                << name;
        }
}

TEST(Evaluation, OfASampleDoesNotDependOnItsBatch) {
    // Sizes at which OpenBLAS rounds a row differently in batches of different sizes (33 tasks, odd widths).
    const at::NoGradGuard evaluation;
    for (const std::int64_t tasks : {1, 5, 33}) {
        for (const auto& [inputs, outputs] : {std::pair{64, 16}, {49, 64}, {31, 577}}) {
            const BankView bank = make_bank(tasks, inputs, outputs, Partition::tensor, at::kFloat);
            at::Tensor z = torch::randn({70, tasks, 6}), x = torch::randn({70, 3, inputs});
            z[3].zero_();               // gated off for one sample
            z.narrow(0, 0, 2).zero_();  // so that small batches compose nothing at all
            z.narrow(0, 2, 20).narrow(1, 0, (tasks + 1) / 2).zero_();
            for (const auto& [name, run] : operations())
                for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations}) {
                    const at::Tensor all = run(*make_composed(bank, z, scheme), x);
                    for (std::int64_t first : {0, 3})
                        for (std::int64_t count = 1; first + count <= 70; count += count < 6 ? 1 : 21) {
                            const at::Tensor part =
                                run(*make_composed(bank, z.narrow(0, first, count), scheme),
                                    x.narrow(0, first, count));
                            ASSERT_TRUE(at::equal(part, all.narrow(0, first, count)))
                                << name << " for " << count << " samples from " << first << ", " << tasks
                                << " tasks";
                        }
                }
        }
    }
}

TEST(Composed, RefusesWhatDoesNotFit) {
    const BankView bank = make_bank(3, 6, 8);
    const at::Tensor x = torch::randn({4, 5, 6}, at::kDouble), z = torch::randn({4, 3, 6}, at::kDouble);
    EXPECT_THROW(make_composed(bank, z.narrow(1, 0, 2)), NumericError);
    EXPECT_THROW(make_composed(bank, z.narrow(2, 0, 5)), NumericError);
    EXPECT_THROW(make_composed(bank, z.to(at::kFloat)), NumericError);
    EXPECT_THROW(make_composed(bank, z)->linear(x.narrow(2, 0, 5), kWeight, kBias), NumericError);
    EXPECT_THROW(make_composed(bank, z)->linear(x.narrow(0, 0, 3), kWeight, kBias), NumericError);
    EXPECT_THROW(make_composed(bank, z)->linear(x[0], kWeight, kBias), NumericError);
    EXPECT_THROW(merge(bank, z), NumericError);
    EXPECT_THROW(BankView({{"w", {2, 3}}}, {"a"}, {torch::zeros({2, 3})}, {torch::zeros({1, 3, 2})},
                          Partition::tensor),
                 NumericError);
}

}  // namespace
}  // namespace vtvc
