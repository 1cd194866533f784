// ViT-B/32 at its true size against transformers' CLIPVisionModelWithProjection (tests/golden/make_clip.py):
// the same weights and images are made on both sides from a counter.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/composition/plain.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {
namespace {

using nlohmann::json;

/// offset + scale · u, u in [−1, 1): splitmix64 of tensor · 2³² + element, the upper 24 bits.
at::Tensor uniform(std::uint64_t tensor, const std::vector<std::int64_t>& shape, double offset,
                   double scale) {
    const at::Tensor result = torch::empty(shape);
    auto* out = result.data_ptr<float>();
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(result.numel()); ++i) {
        std::uint64_t x = ((tensor << 32U) + i + 1) * 0x9E3779B97F4A7C15U;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
        x ^= x >> 31U;
        out[i] = static_cast<float>((static_cast<double>(x >> 40U) / (1 << 23) - 1) * scale + offset);
    }
    return result;
}

at::Tensor weight_of(std::size_t block, const Block& about) {
    const bool gain = about.name.ends_with("weight") && about.shape.size() == 1;
    const double deviation = 1.7 / std::sqrt(768.);
    double scale = gain || about.name.ends_with("bias") ? .25 : deviation;
    if (about.name == "conv1.weight") scale = 1.7 / std::sqrt(3. * 32 * 32);
    return uniform(block, about.shape, gain ? 1 : 0, scale);
}

TEST(Clip, BaseAtItsTrueSizeEqualsTransformers) {
    const torch::NoGradGuard no_grad;
    std::ifstream file(VTVC_GOLDEN_DIR "/clip.json");
    ASSERT_TRUE(file.good()) << "tests/golden/clip.json is missing; run tests/golden/make_clip.py";
    const json golden = json::parse(file);
    ModelKeys keys;
    keys.image = 224;
    keys.channels = 3;
    keys.patch = 32;
    keys.width = 768;
    keys.depth = keys.heads = 12;
    keys.mlp = 3072;
    keys.output = 512;
    const std::vector<Block> blocks = model_blocks(keys);
    std::vector<at::Tensor> weights;
    for (std::size_t j = 0; j < blocks.size(); ++j) weights.push_back(weight_of(j, blocks[j]));
    const at::Tensor images = uniform(1000, {2, 3, 224, 224}, 0, 1);
    PlainWeights plain(weights);
    for (const Activation activation : {Activation::quick_gelu, Activation::gelu}) {
        keys.activation = activation;
        const at::Tensor features = Vit(keys).forward(images, plain).to(at::kDouble);
        const json& expected = golden[activation == Activation::gelu ? "gelu" : "quick_gelu"];
        for (std::int64_t b = 0; b < features.size(0); ++b) {
            const json& one = expected[static_cast<std::size_t>(b)];
            // Rounding in float through twelve layers; another activation is off by a hundred times as much.
            const double tolerance = 3e-5 * one["norm"].get<double>();
            EXPECT_NEAR(features[b].norm().item<double>(), one["norm"].get<double>(), tolerance);
            EXPECT_NEAR(features[b].mean().item<double>(), one["mean"].get<double>(), tolerance);
            EXPECT_NEAR(features[b].std(false).item<double>(), one["sd"].get<double>(), tolerance);
            for (std::size_t i = 0; i < golden["places"].size(); ++i)
                EXPECT_NEAR(features[b][golden["places"][i].get<std::int64_t>()].item<double>(),
                            one["values"][i].get<double>(), tolerance);
        }
    }
}

}  // namespace
}  // namespace vtvc
