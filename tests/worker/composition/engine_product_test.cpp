// The engine behind torch: against scheme (a), which is tested against a loop over samples, in value and
// gradient; then what its settings may and may not change.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/engine.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/composition/settings.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t kWeight = 0, kBias = 1, kProjection = 2, kPatch = 3;

BankView make_bank(std::int64_t tasks, std::int64_t inputs, std::int64_t outputs,
                   at::ScalarType type = at::kFloat) {
    torch::manual_seed(11);
    const std::vector<Block> blocks{{"layer.weight", {outputs, inputs}},
                                    {"layer.bias", {outputs}},
                                    {"proj", {inputs, outputs}},
                                    {"conv1.weight", {outputs, 1, 1, inputs}}};
    std::vector<std::string> names;
    for (std::int64_t k = 0; k < tasks; ++k) names.push_back("task" + std::to_string(k));
    std::vector<at::Tensor> base, tau;
    for (const Block& block : blocks) {
        std::vector<std::int64_t> stacked = block.shape;
        stacked.insert(stacked.begin(), tasks);
        base.push_back(torch::randn(block.shape, at::kDouble).to(type));
        tau.push_back(torch::randn(stacked, at::kDouble).to(type));
    }
    return BankView(blocks, names, base, tau, Partition::tensor);
}

/// All the products of one pass, so that a difference in any of them shows.
at::Tensor products(Weights& w, const at::Tensor& x) {
    return at::cat({w.linear(x, kWeight, kBias), w.linear(x, kWeight, -1),
                    w.linear_transposed(x, kProjection), w.linear(x, kPatch, kBias)},
                   2);
}

struct Result {
    at::Tensor y, dx, dz;
};
Result differentiate(const BankView& bank, const at::Tensor& x_in, const at::Tensor& z_in, Scheme scheme,
                     Gradients gradients = Gradients::all) {
    const at::Tensor x = x_in.detach().requires_grad_(), z = z_in.detach().requires_grad_();
    const at::Tensor y = products(*make_composed(bank, z, scheme, gradients), x);
    const at::Tensor slope = torch::linspace(-1, 2, y.numel(), y.options()).view_as(y);
    const auto got = torch::autograd::grad({(y * slope).sum()}, {x, z});
    return {y.detach(), got[0], got[1]};
}

double relative(const at::Tensor& got, const at::Tensor& expected) {
    return (got.to(at::kDouble) - expected).abs().max().item<double>() / expected.abs().max().item<double>();
}
bool equal(const Result& a, const Result& b) {
    return at::equal(a.y, b.y) && at::equal(a.dx, b.dx) && at::equal(a.dz, b.dz);
}

/// Puts the settings back.
struct Settings {
    CompositionSettings before = composition_settings();
    int threads = at::get_num_threads();
    ~Settings() {
        composition_settings() = before;
        at::set_num_threads(threads);
    }
};

TEST(EngineProduct, AgreesWithMaterialisedWeightsInDoubleInValueAndGradient) {
    for (const std::int64_t tokens : {1, 2, 7, 17, 50})
        for (const std::int64_t tasks : {1, 3, 12}) {
            const BankView bank = make_bank(tasks, 33, 40), exact = make_bank(tasks, 33, 40, at::kDouble);
            const at::Tensor x = torch::randn({6, tokens, 33});
            at::Tensor z = torch::randn({6, tasks, 4});
            z[2].zero_();
            z.masked_fill_(torch::rand(z.sizes()) < .3, 0);
            const Result expected =
                differentiate(exact, x.to(at::kDouble), z.to(at::kDouble), Scheme::materialise);
            const Result got = differentiate(bank, x, z, Scheme::automatic);
            EXPECT_LT(relative(got.y, expected.y), 1e-5);
            EXPECT_LT(relative(got.dx, expected.dx), 1e-5);
            EXPECT_LT(relative(got.dz, expected.dz), 1e-5);
            const Result mixed =
                differentiate(exact, x.to(at::kDouble), z.to(at::kDouble), Scheme::mix_activations);
            EXPECT_LT(relative(got.dz, mixed.dz), 1e-5);
        }
}

TEST(EngineProduct, IsTheOneInUseForFloatsAndNotForDoubles) {
    const BankView bank = make_bank(2, 33, 40), doubles = make_bank(2, 33, 40, at::kDouble);
    differentiate(bank, torch::randn({2, 5, 33}), torch::randn({2, 2, 4}), Scheme::automatic);
    // Three matrices in each direction.
    EXPECT_EQ(bank.packed_copies(), 6);
    differentiate(doubles, torch::randn({2, 5, 33}, at::kDouble), torch::randn({2, 2, 4}, at::kDouble),
                  Scheme::automatic);
    EXPECT_EQ(doubles.packed_copies(), 0);
    const Settings restore;
    composition_settings().engine = EngineKind::reference;
    const BankView other = make_bank(2, 33, 40);
    differentiate(other, torch::randn({2, 5, 33}), torch::randn({2, 2, 4}), Scheme::automatic);
    EXPECT_EQ(other.packed_copies(), 0);
}

TEST(EngineProduct, MemoryForPackedCopiesChangesNoBit) {
    const Settings restore;
    const at::Tensor x = torch::randn({5, 17, 33}), z = torch::randn({5, 3, 4});
    const BankView ample = make_bank(3, 33, 40);
    const Result expected = differentiate(ample, x, z, Scheme::automatic);
    const std::int64_t all = ample.packed_bytes();
    for (const std::int64_t budget : {std::int64_t{0}, all / 2, all}) {
        composition_settings().packed_bytes = budget;
        const BankView bank = make_bank(3, 33, 40);
        for (int repetition = 0; repetition < 2; ++repetition)
            EXPECT_TRUE(equal(differentiate(bank, x, z, Scheme::automatic), expected)) << budget;
        EXPECT_LE(bank.packed_bytes(), budget);
        EXPECT_EQ(bank.packed_copies() == 6, budget == all);
    }
}

TEST(EngineProduct, ThreadsChangeNoBit) {
    const Settings restore;
    const BankView bank = make_bank(3, 120, 100);
    const at::Tensor x = torch::randn({8, 17, 120}), z = torch::randn({8, 3, 4});
    at::set_num_threads(1);
    const Result one = differentiate(bank, x, z, Scheme::automatic);
    at::set_num_threads(2);
    EXPECT_TRUE(equal(differentiate(bank, x, z, Scheme::automatic), one));
}

TEST(EngineProduct, TrainingDoesNotFeelTheOthersOfTheBatch) {
    const BankView bank = make_bank(4, 33, 40);
    const at::Tensor x = torch::randn({6, 17, 33}), slope = torch::randn({6, 17, 160});
    const at::Tensor z = torch::randn({6, 4, 4});
    const auto of = [&](const at::Tensor& own_x, const at::Tensor& own_z, const at::Tensor& own_slope) {
        const at::Tensor a = own_x.detach().requires_grad_(), c = own_z.detach().requires_grad_();
        const at::Tensor y = products(*make_composed(bank, c), a);
        const auto gradients = torch::autograd::grad({y}, {a, c}, {own_slope});
        return Result{y.detach(), gradients[0], gradients[1]};
    };
    const auto sample = [](const Result& all, std::int64_t b, std::int64_t count) {
        return Result{all.y.narrow(0, b, count), all.dx.narrow(0, b, count), all.dz.narrow(0, b, count)};
    };
    const Result all = of(x, z, slope);
    for (const auto& [first, count] : {std::pair{0, 1}, {3, 1}, {5, 1}, {1, 2}, {2, 4}})
        EXPECT_TRUE(
            equal(of(x.narrow(0, first, count), z.narrow(0, first, count), slope.narrow(0, first, count)),
                  sample(all, first, count)))
            << count << " samples from " << first;
    // The others are gated off.
    at::Tensor alone = at::zeros_like(z);
    alone[3].copy_(z[3]);
    EXPECT_TRUE(equal(sample(of(x, alone, slope), 3, 1), sample(all, 3, 1)));
}

TEST(EngineProduct, EvaluationOfASampleDoesNotDependOnItsBatch) {
    const at::NoGradGuard evaluation;
    for (const std::int64_t tasks : {1, 5, 33}) {
        const BankView bank = make_bank(tasks, 49, 64);
        const at::Tensor x = torch::randn({70, 3, 49});
        at::Tensor z = torch::randn({70, tasks, 4});
        z[3].zero_();
        z.narrow(0, 0, 2).zero_();
        z.narrow(0, 2, 20).narrow(1, 0, (tasks + 1) / 2).zero_();
        const at::Tensor all = products(*make_composed(bank, z), x);
        for (const std::int64_t first : {0, 3})
            for (std::int64_t count = 1; first + count <= 70; count += count < 6 ? 1 : 21)
                ASSERT_TRUE(at::equal(
                    products(*make_composed(bank, z.narrow(0, first, count)), x.narrow(0, first, count)),
                    all.narrow(0, first, count)))
                    << count << " samples from " << first;
    }
}

TEST(EngineProduct, GradientsOfActiveCoefficientsLeaveTheOthersAtZero) {
    const BankView bank = make_bank(4, 33, 40);
    const at::Tensor x = torch::randn({6, 9, 33});
    at::Tensor z = torch::randn({6, 4, 4});
    z.masked_fill_(torch::rand(z.sizes()) < .5, 0);
    const Result all = differentiate(bank, x, z, Scheme::automatic),
                 active = differentiate(bank, x, z, Scheme::automatic, Gradients::active);
    const at::Tensor on = z != 0;
    for (const std::int64_t j : {kWeight, kProjection, kPatch}) {
        const at::Tensor own = active.dz.select(2, j), gate = on.select(2, j);
        EXPECT_TRUE(at::equal(own, at::where(gate, all.dz.select(2, j), at::zeros_like(own))));
        EXPECT_GT(all.dz.select(2, j).masked_select(gate.logical_not()).abs().min().item<float>(), 0);
    }
}

TEST(EngineProduct, TakesExpandedAndTransposedTensors) {
    const BankView bank = make_bank(3, 33, 40);
    const at::Tensor x = torch::randn({17, 33, 5}).permute({2, 0, 1}),
                     z = torch::randn({4, 3}).t().expand({5, 3, 4});
    const Result expected = differentiate(bank, x.contiguous(), z.contiguous(), Scheme::automatic);
    EXPECT_TRUE(equal(differentiate(bank, x, z, Scheme::automatic), expected));
    // The gradient of a plain sum is one number, expanded.
    const at::Tensor tracked = z.detach().clone().requires_grad_();
    const auto got =
        torch::autograd::grad({make_composed(bank, tracked)->linear(x, kWeight, kBias).sum()}, {tracked});
    EXPECT_GT(got[0].select(2, kWeight).abs().min().item<float>(), 0);
}

}  // namespace
}  // namespace vtvc
