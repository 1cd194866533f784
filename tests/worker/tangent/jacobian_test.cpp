// Both modes in double against differences of the exact network, against torch's autograd through merged
// weights, and against each other, over structures with every kind of operation.
#include "vtvc/tangent/jacobian.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "vtvc/composition/plain.hpp"
#include "vtvc/training/model_files.hpp"

namespace vtvc {
namespace {

/// A network with a bank of two task vectors, all of random numbers.
struct Small {
    static constexpr std::int64_t tasks = 2, classes = 3, samples = 2;
    Vit vit;
    BankView bank;
    at::Tensor images, centre;
    Head head;

    explicit Small(const ModelKeys& keys, Partition partition = Partition::module,
                   at::ScalarType type = at::kDouble)
        : vit(keys), bank(random_bank(vit, partition, type)) {
        images = torch::randn({samples, keys.channels, keys.image, keys.image}, type);
        centre = torch::rand({tasks, bank.coefficients()}, type) - .3;
        head.weight = torch::randn({classes, keys.output}, type);
        head.bias = torch::randn({classes}, type);
        head.scale = 4;
    }
    static BankView random_bank(const Vit& vit, Partition partition, at::ScalarType type) {
        torch::manual_seed(11);
        std::vector<at::Tensor> base, tau;
        for (const Block& block : vit.blocks()) {
            std::vector<std::int64_t> stacked = block.shape;
            stacked.insert(stacked.begin(), tasks);
            base.push_back(torch::randn(block.shape, type) * .4);
            tau.push_back(torch::randn(stacked, type) * .2);
        }
        return BankView(vit.blocks(), {"a", "b"}, base, tau, partition);
    }
    Classifier classifier() const {
        return [this](const at::Tensor& features) { return head.logits(features); };
    }
    /// The composed network's logits, all samples with the coefficients z [K, J].
    at::Tensor logits(const at::Tensor& z) const {
        const torch::NoGradGuard no_grad;
        const auto weights =
            make_composed(bank, z.expand({samples, tasks, bank.coefficients()}).contiguous());
        return head.logits(vit.forward(images, *weights));
    }
    Expansion backward() const { return backward_jacobian(vit, bank, classifier(), images, centre); }
    Expansion forward() const { return forward_jacobian(vit, bank, classifier(), images, centre); }
};

ModelKeys small_keys() {
    ModelKeys keys;
    keys.image = 8;
    keys.patch = 4;
    keys.width = 8;
    keys.depth = 2;
    keys.heads = 2;
    keys.mlp = 12;
    keys.output = 5;
    return keys;
}

/// Largest difference over the largest value.
double apart(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).abs().max() / b.abs().max()).item<double>();
}

struct Structure {
    const char* name;
    std::function<void(ModelKeys&)> change;
};

class EachStructure : public testing::TestWithParam<Structure> {
  protected:
    static ModelKeys keys() {
        ModelKeys keys = small_keys();
        GetParam().change(keys);
        return keys;
    }
};
INSTANTIATE_TEST_SUITE_P(Networks, EachStructure,
                         testing::Values(Structure{"Clip", [](ModelKeys&) {}},
                                         Structure{"PostNormGelu",
                                                   [](ModelKeys& keys) {
                                                       keys.norm = NormPlace::post;
                                                       keys.activation = Activation::gelu;
                                                   }},
                                         Structure{"MeanOfPatchesRelu",
                                                   [](ModelKeys& keys) {
                                                       keys.pool = Pool::patches;
                                                       keys.activation = Activation::relu;
                                                       keys.ln_pre = false;
                                                   }},
                                         Structure{"TanhWithoutClassToken",
                                                   [](ModelKeys& keys) {
                                                       keys.class_token = false;
                                                       keys.pool = Pool::patches;
                                                       keys.activation = Activation::gelu_tanh;
                                                   }}),
                         [](const auto& about) { return about.param.name; });

TEST_P(EachStructure, BackwardIsTheSlopeOfTheExactNetwork) {
    const Small small(keys());
    const Expansion made = small.backward();
    EXPECT_EQ(made.jacobian.sizes(),
              at::IntArrayRef({Small::samples, Small::classes, Small::tasks, small.bank.coefficients()}));
    EXPECT_LT(apart(made.logits, small.logits(small.centre)), 1e-12);
    // Central differences: an error of h² and of rounding / h, both some 1e-10.
    constexpr double h = 1e-5;
    for (std::int64_t k = 0; k < Small::tasks; ++k)
        for (std::int64_t j = 0; j < small.bank.coefficients(); ++j) {
            at::Tensor up = small.centre.clone(), down = small.centre.clone();
            up[k][j] += h;
            down[k][j] -= h;
            const at::Tensor slope = (small.logits(up) - small.logits(down)) / (2 * h);
            EXPECT_LT((made.jacobian.select(2, k).select(2, j) - slope).abs().max().item<double>(),
                      1e-7 * made.jacobian.abs().max().item<double>())
                << k << " " << small.bank.partition().names[static_cast<std::size_t>(j)];
        }
}

TEST_P(EachStructure, BackwardIsTorchsOwnGradientOfMergedWeights) {
    const Small small(keys());
    const at::Tensor z = small.centre.clone().requires_grad_();
    std::vector<at::Tensor> blocks;
    for (std::size_t j = 0; j < small.bank.blocks().size(); ++j) {
        at::Tensor w = small.bank.base(static_cast<std::int64_t>(j));
        for (std::int64_t k = 0; k < Small::tasks; ++k)
            w = w + z[k][small.bank.partition().index[j]] *
                        small.bank.tau(static_cast<std::int64_t>(j))[k].view_as(w);
        blocks.push_back(w);
    }
    PlainWeights weights(blocks);
    const at::Tensor logits = small.head.logits(small.vit.forward(small.images, weights));
    const Expansion made = small.backward();
    for (std::int64_t b = 0; b < Small::samples; ++b)
        for (std::int64_t c = 0; c < Small::classes; ++c) {
            const at::Tensor own = torch::autograd::grad({logits[b][c]}, {z}, {}, true)[0];
            EXPECT_LT(apart(made.jacobian[b][c], own), 1e-11) << b << " " << c;
        }
}

TEST_P(EachStructure, ForwardIsBackward) {
    for (const Partition partition : {Partition::tensor, Partition::layer, Partition::model}) {
        const Small small(keys(), partition);
        const Expansion back = small.backward(), ahead = small.forward();
        EXPECT_LT(apart(ahead.logits, back.logits), 1e-12);
        EXPECT_LT(apart(ahead.jacobian, back.jacobian), 1e-11);
        // Every coefficient moves the logits: a derivative that got lost on the way would be zero.
        EXPECT_TRUE((back.jacobian.abs().amax({0, 1}) > 0).all().item<bool>());
    }
}

TEST(Jacobian, InFloatsByTheEngineIsThatInDoubles) {
    const Small exact(small_keys());
    Small small(small_keys(), Partition::module, at::kFloat);
    std::vector<at::Tensor> base, tau;
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(exact.bank.blocks().size()); ++j) {
        base.push_back(exact.bank.base(j).to(at::kFloat));
        std::vector<std::int64_t> shape = base.back().sizes().vec();
        shape.insert(shape.begin(), Small::tasks);
        tau.push_back(exact.bank.tau(j).to(at::kFloat).view(shape));
    }
    small.bank = BankView(exact.vit.blocks(), {"a", "b"}, base, tau, Partition::module);
    small.images = exact.images.to(at::kFloat);
    small.centre = exact.centre.to(at::kFloat);
    small.head = exact.head;
    small.head.weight = exact.head.weight.to(at::kFloat);
    small.head.bias = exact.head.bias.to(at::kFloat);
    const at::Tensor expected = exact.backward().jacobian;
    // Floats have 6e-8; some dozen layers of operations one after another.
    EXPECT_LT(apart(small.backward().jacobian.to(at::kDouble), expected), 2e-5);
    EXPECT_LT(apart(small.forward().jacobian.to(at::kDouble), expected), 2e-5);
}

TEST(Jacobian, OfHeadsOfEveryFormIsTheSameBothWays) {
    Small small(small_keys(), Partition::layer);
    for (const FeatureForm form : {FeatureForm::plain, FeatureForm::normalised}) {
        small.head.features = form;
        EXPECT_LT(apart(small.forward().jacobian, small.backward().jacobian), 1e-11);
    }
    small.head.hidden_weight = torch::randn({6, 5}, at::kDouble);
    small.head.hidden_bias = torch::randn({6}, at::kDouble);
    small.head.weight = torch::randn({Small::classes, 6}, at::kDouble);
    for (const Activation activation : {Activation::quick_gelu, Activation::gelu, Activation::relu}) {
        small.head.activation = activation;
        EXPECT_LT(apart(small.forward().jacobian, small.backward().jacobian), 1e-11);
    }
}

TEST(Jacobian, OfALinearNetworkIsExactFarFromItsCentre) {
    // Task vectors that move the last projection alone, and a head that is linear: logits are linear in z.
    Small small(small_keys(), Partition::tensor);
    const auto& blocks = small.bank.blocks();
    std::vector<at::Tensor> base, tau;
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        const auto id = static_cast<std::int64_t>(j);
        base.push_back(small.bank.base(id));
        std::vector<std::int64_t> shape = blocks[j].shape;
        shape.insert(shape.begin(), Small::tasks);
        tau.push_back(small.bank.tau(id).view(shape) * (blocks[j].name == "proj" ? 1 : 0));
    }
    const Small curved = small;
    small.bank = BankView(blocks, {"a", "b"}, base, tau, Partition::tensor);
    small.head.features = FeatureForm::plain;
    const at::Tensor z = small.centre + 5;
    const auto miss = [&](const Small& of, const Expansion& made) {
        const at::Tensor tangent = made.logits + torch::einsum("bckj,kj->bc", {made.jacobian, z - of.centre});
        return apart(tangent, of.logits(z));
    };
    EXPECT_LT(miss(small, small.backward()), 1e-12);
    EXPECT_LT(miss(small, small.forward()), 1e-12);
    EXPECT_GT(miss(curved, curved.backward()), .1);  // the measure can tell
}

TEST(Jacobian, TakesTheModeWithFewerPasses) {
    const Small fine(small_keys(), Partition::tensor), coarse(small_keys(), Partition::model);
    EXPECT_EQ(passes(JacobianMode::backward, 7, fine.bank), 7);
    EXPECT_EQ(passes(JacobianMode::forward, 7, coarse.bank), 2);
    EXPECT_EQ(resolved_mode(JacobianMode::automatic, 7, fine.bank), JacobianMode::backward);
    EXPECT_EQ(resolved_mode(JacobianMode::automatic, 7, coarse.bank), JacobianMode::forward);
    EXPECT_EQ(resolved_mode(JacobianMode::automatic, 2, coarse.bank), JacobianMode::backward);
    EXPECT_EQ(resolved_mode(JacobianMode::forward, 2, fine.bank), JacobianMode::forward);
}

}  // namespace
}  // namespace vtvc
