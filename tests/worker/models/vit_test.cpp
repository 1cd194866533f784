#include "vtvc/models/vit.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

ModelKeys small_keys() {
    ModelKeys keys;
    keys.image = 12;
    keys.patch = 4;
    keys.width = 12;
    keys.depth = 3;
    keys.heads = 3;
    keys.mlp = 20;
    keys.output = 7;
    return keys;
}

BankView make_bank(const Vit& vit, std::int64_t tasks, Partition partition, at::ScalarType type) {
    torch::manual_seed(11);
    std::vector<std::string> names;
    std::vector<at::Tensor> base, tau;
    for (std::int64_t k = 0; k < tasks; ++k) names.push_back("task" + std::to_string(k));
    for (const at::Tensor& tensor : vit.initialise(5)) {
        base.push_back(tensor.to(type));
        std::vector<std::int64_t> stacked = tensor.sizes().vec();
        stacked.insert(stacked.begin(), tasks);
        tau.push_back(.1 * torch::randn(stacked, type));
    }
    return BankView(vit.blocks(), names, base, tau, partition);
}

TEST(Vit, HasTheBlocksOfClipsVisualTowers) {
    ModelKeys keys;
    keys.image = 224;
    keys.channels = 3;
    keys.patch = 32;
    keys.width = 768;
    keys.depth = 12;
    keys.heads = 12;
    keys.mlp = 3072;
    keys.output = 512;
    const Vit base(keys);
    EXPECT_EQ(base.blocks().size(), 152u);
    std::int64_t elements = 0;
    std::set<std::string> names;
    for (const Block& block : base.blocks()) {
        std::int64_t size = 1;
        for (const std::int64_t extent : block.shape) size *= extent;
        elements += size;
        names.insert(block.name);
    }
    EXPECT_EQ(elements, 87849216);  // parameters of ViT-B/32's visual tower
    EXPECT_EQ(names.size(), 152u);
    for (const char* name :
         {"conv1.weight", "ln_pre.bias", "transformer.resblocks.11.attn.in_proj_weight",
          "transformer.resblocks.0.attn.out_proj.bias", "transformer.resblocks.3.mlp.c_fc.weight",
          "transformer.resblocks.3.mlp.c_proj.bias", "ln_post.weight", "proj"})
        EXPECT_EQ(names.count(name), 1u) << name;
    keys.patch = 14;
    keys.depth = 24;
    EXPECT_EQ(Vit(keys).blocks().size(), 296u);
}

TEST(Vit, RefusesSizesThatDoNotDivide) {
    ModelKeys keys = small_keys();
    keys.patch = 5;
    EXPECT_THROW(Vit{keys}, ConfigError);
    keys = small_keys();
    keys.heads = 5;
    EXPECT_THROW(Vit{keys}, ConfigError);
    keys = small_keys();
    keys.depth = 0;
    EXPECT_THROW(Vit{keys}, ConfigError);
}

TEST(Vit, RefusesImagesOfAnotherSize) {
    const Vit vit(small_keys());
    PlainWeights weights(vit.initialise(1));
    EXPECT_THROW(vit.forward(torch::randn({2, 1, 12, 16}), weights), NumericError);
    EXPECT_THROW(vit.forward(torch::randn({2, 3, 12, 12}), weights), NumericError);
    EXPECT_THROW(vit.forward(torch::randn({1, 12, 12}), weights), NumericError);
}

TEST(Vit, InitialisesAsClipFromTheSeedAlone) {
    ModelKeys keys;
    keys.width = 128;
    keys.mlp = 256;
    const Vit vit(keys);
    const std::vector<at::Tensor> first = vit.initialise(3), again = vit.initialise(3),
                                  other = vit.initialise(4);
    const auto expected_deviation = [&](const std::string& name) {
        const double width = 128;
        if (name.ends_with("conv1.weight")) return 1 / 7.;
        if (name.ends_with("out_proj.weight") || name.ends_with("c_proj.weight"))
            return 1 / std::sqrt(width * 2 * 4);
        if (name.ends_with("c_fc.weight")) return 1 / std::sqrt(2 * width);
        return 1 / std::sqrt(width);
    };
    for (std::size_t j = 0; j < first.size(); ++j) {
        const std::string& name = vit.blocks()[j].name;
        EXPECT_EQ(first[j].sizes(), at::IntArrayRef(vit.blocks()[j].shape));
        EXPECT_TRUE(at::equal(first[j], again[j])) << name;
        if (name.ends_with("bias")) {
            EXPECT_TRUE(at::equal(first[j], at::zeros_like(first[j]))) << name;
        } else if (name.find("ln_") != std::string::npos) {
            EXPECT_TRUE(at::equal(first[j], at::ones_like(first[j]))) << name;
        } else {
            EXPECT_FALSE(at::equal(first[j], other[j])) << name;
            // Five standard errors of a standard deviation from n samples.
            const double allowed = 5 / std::sqrt(2. * static_cast<double>(first[j].numel()));
            EXPECT_NEAR(first[j].square().mean().sqrt().item<double>() / expected_deviation(name), 1, allowed)
                << name;
        }
    }
    EXPECT_FALSE(at::equal(first[static_cast<std::size_t>(5)], first[1]));
}

TEST(Vit, ComposedPerSampleEqualsEachSamplesOwnMergedNetwork) {
    const Vit vit(small_keys());
    for (const Partition partition :
         {Partition::tensor, Partition::module, Partition::layer, Partition::model}) {
        const BankView bank = make_bank(vit, 3, partition, at::kDouble);
        const at::Tensor images = torch::randn({5, 1, 12, 12}, at::kDouble);
        const auto z = torch::randn({5, 3, bank.coefficients()}, at::kDouble).requires_grad_();
        std::vector<at::Tensor> rows;
        for (std::int64_t b = 0; b < 5; ++b) {
            PlainWeights own(merge(bank, z[b]));
            rows.push_back(vit.forward(images.narrow(0, b, 1), own));
        }
        const at::Tensor expected = at::cat(rows);
        const at::Tensor expected_gradient = torch::autograd::grad({expected.pow(3).sum()}, {z})[0];
        for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic}) {
            const at::Tensor got = vit.forward(images, *make_composed(bank, z, scheme));
            EXPECT_LT((got - expected).abs().max().item<double>(), 1e-11);
            const at::Tensor gradient = torch::autograd::grad({got.pow(3).sum()}, {z})[0];
            EXPECT_LT((gradient - expected_gradient).abs().max().item<double>(),
                      1e-11 * expected_gradient.abs().max().item<double>());
        }
    }
}

TEST(Vit, WithoutCoefficientsIsTheBaseBitForBit) {
    const Vit vit(ModelKeys{});
    const BankView bank = make_bank(vit, 2, Partition::tensor, at::kFloat);
    PlainWeights base(vit.initialise(5));
    const at::Tensor images = torch::randn({6, 1, 28, 28});
    const at::Tensor z = torch::zeros({6, 2, bank.coefficients()});
    for (const bool gradients : {true, false}) {
        const at::AutoGradMode mode(gradients);
        EXPECT_TRUE(at::equal(vit.forward(images, *make_composed(bank, z)), vit.forward(images, base)));
    }
}

TEST(Vit, EvaluationOfASampleDoesNotDependOnItsBatch) {
    const at::NoGradGuard evaluation;
    for (const Activation activation : {Activation::quick_gelu, Activation::gelu})
        for (ModelKeys keys : {ModelKeys{}, small_keys()}) {
            keys.activation = activation;
            const Vit vit(keys);
            const BankView bank = make_bank(vit, 5, Partition::tensor, at::kFloat);
            const at::Tensor images = torch::randn({33, keys.channels, keys.image, keys.image});
            at::Tensor z = torch::randn({33, 5, bank.coefficients()});
            z.masked_fill_(torch::rand({33, 5, 1}) < .6, 0);  // hard gates
            z.narrow(0, 0, 2).zero_();
            PlainWeights plain(vit.initialise(5));
            for (const int threads : {1, 2}) {
                if (threads > 1 && activation == Activation::gelu) continue;  // the same path; saves seconds
                at::set_num_threads(threads);
                const at::Tensor all = vit.forward(images, *make_composed(bank, z));
                const at::Tensor all_plain = vit.forward(images, plain);
                for (const auto& [first, count] :
                     {std::pair{0, 1}, {0, 2}, {1, 1}, {5, 1}, {7, 3}, {11, 5}, {20, 13}}) {
                    const at::Tensor some = images.narrow(0, first, count);
                    EXPECT_TRUE(at::equal(vit.forward(some, *make_composed(bank, z.narrow(0, first, count))),
                                          all.narrow(0, first, count)))
                        << count << " samples from " << first << ", width " << keys.width << ", " << threads
                        << " threads";
                    EXPECT_TRUE(at::equal(vit.forward(some, plain), all_plain.narrow(0, first, count)))
                        << "plain, " << count << " samples from " << first << ", width " << keys.width;
                }
            }
            at::set_num_threads(1);
        }
}

}  // namespace
}  // namespace vtvc
