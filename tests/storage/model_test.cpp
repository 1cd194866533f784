#include "vtvc/storage/model.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "vtvc/core/jobs.hpp"

namespace vtvc {
namespace {

ModelKeys clip(std::int64_t patch, std::int64_t width, std::int64_t depth, std::int64_t output) {
    ModelKeys keys;
    keys.image = 224;
    keys.channels = 3;
    keys.patch = patch;
    keys.width = width;
    keys.depth = depth;
    keys.heads = width / 64;
    keys.mlp = 4 * width;
    keys.output = output;
    return keys;
}

std::int64_t parameters(const std::vector<Block>& blocks) {
    std::int64_t sum = 0;
    for (const auto& block : blocks) sum += block.elements();
    return sum;
}

std::vector<std::string> names(const std::vector<Block>& blocks) {
    std::vector<std::string> result;
    for (const auto& block : blocks) result.push_back(block.name);
    return result;
}

/// Of torch.nn.TransformerEncoder with a class token and a biased patch embedding, as in the shared weights.
ModelKeys classifier() {
    ModelKeys keys;
    keys.image = 32;
    keys.channels = 3;
    keys.patch = 4;
    keys.width = keys.output = 128;
    keys.depth = 6;
    keys.heads = 8;
    keys.mlp = 256;
    keys.activation = Activation::relu;
    keys.norm = NormPlace::post;
    keys.patch_bias = true;
    keys.ln_pre = false;
    keys.projection = false;
    return keys;
}

TEST(ModelBlocks, AreThoseOfClipsVisualTowers) {
    const auto base32 = model_blocks(clip(32, 768, 12, 512)), base16 = model_blocks(clip(16, 768, 12, 512));
    const auto large = model_blocks(clip(14, 1024, 24, 768));
    EXPECT_EQ(base32.size(), 152U);
    EXPECT_EQ(base16.size(), 152U);
    EXPECT_EQ(large.size(), 296U);
    EXPECT_EQ(parameters(base32), 87'849'216);
    EXPECT_EQ(parameters(base16), 86'192'640);
    EXPECT_EQ(parameters(large), 303'966'208);
    EXPECT_EQ(large[2].shape, (std::vector<std::int64_t>{257, 1024}));
}

TEST(ModelBlocks, WithoutProjectionAreThoseOfHuggingFacesVisionModel) {
    auto keys = clip(32, 768, 12, 768);
    keys.projection = false;
    EXPECT_EQ(parameters(model_blocks(keys)), 87'456'000);
}

TEST(ModelBlocks, OfAClassifierHaveItsBiasesAndNoMore) {
    const auto blocks = model_blocks(classifier());
    // 811,146 parameters in the file, of which the linear head has 10 · 128 + 10
    EXPECT_EQ(parameters(blocks), 811'146 - 1'290);
    const auto all = names(blocks);
    EXPECT_EQ(all[1], "conv1.bias");
    EXPECT_EQ(std::count(all.begin(), all.end(), "ln_pre.weight"), 0);
    EXPECT_EQ(std::count(all.begin(), all.end(), "proj"), 0);
    EXPECT_EQ(all.back(), "ln_post.bias");
}

TEST(ModelBlocks, FollowTokensPositionsAndAttentionBiases) {
    auto keys = classifier();
    keys.positions = Positions::patches;
    keys.attention_bias = AttentionBias::output;
    auto all = model_blocks(keys);
    const auto find = [&](const char* name) {
        return std::find_if(all.begin(), all.end(), [&](const auto& b) { return b.name == name; });
    };
    EXPECT_EQ(find("positional_embedding")->shape[0], 64);
    EXPECT_EQ(find("transformer.resblocks.0.attn.in_proj_bias"), all.end());
    EXPECT_NE(find("transformer.resblocks.0.attn.out_proj.bias"), all.end());
    keys.attention_bias = AttentionBias::none;
    keys.positions = Positions::all;
    keys.class_token = false;
    keys.pool = Pool::patches;
    keys.ln_post = FinalNorm::none;
    all = model_blocks(keys);
    EXPECT_EQ(find("class_embedding"), all.end());
    EXPECT_EQ(find("positional_embedding")->shape[0], 64);
    EXPECT_EQ(find("transformer.resblocks.0.attn.out_proj.bias"), all.end());
    EXPECT_EQ(find("ln_post.weight"), all.end());
}

TEST(ModelBlocks, OfEveryStructureFallIntoTheRightLayers) {
    auto keys = classifier();
    const auto blocks = model_blocks(keys);
    const auto map = partition_blocks(Partition::layer, blocks);
    EXPECT_EQ(map.layers, 8);
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        const auto& name = blocks[j].name;
        const auto layer = map.layer[static_cast<std::size_t>(map.index[j])];
        if (name.starts_with("transformer.resblocks."))
            EXPECT_EQ(layer, 1 + std::stoll(name.substr(22))) << name;
        else
            EXPECT_EQ(layer, name.starts_with("ln_post") ? 7 : 0) << name;
    }
    // A weight and its bias are one module: conv1, class and position embeddings, six of each layer, ln_post.
    EXPECT_EQ(partition_blocks(Partition::module, blocks).count(), 3 + 6 * 6 + 1);
    EXPECT_EQ(partition_blocks(Partition::tensor, blocks).count(), static_cast<std::int64_t>(blocks.size()));
    EXPECT_EQ(partition_blocks(Partition::model, blocks).count(), 1);
}

void expect_contradiction(const ModelKeys& keys, const std::string& what) {
    try {
        model_blocks(keys);
        ADD_FAILURE() << what;
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
}

TEST(ModelBlocks, RefuseKeysThatContradictEachOther) {
    const auto refused = [](auto change, const std::string& what) {
        ModelKeys keys = classifier();
        change(keys);
        expect_contradiction(keys, what);
    };
    refused([](ModelKeys& k) { k.patch = 5; }, "model.patch");
    refused([](ModelKeys& k) { k.heads = 5; }, "model.heads");
    refused([](ModelKeys& k) { k.depth = 0; }, "model.depth");
    refused([](ModelKeys& k) { k.width = k.output = 1 << 21; }, "model.width");
    refused([](ModelKeys& k) { k.output = 64; }, "model.output");
    refused([](ModelKeys& k) { k.class_token = false; }, "model.pool");
    refused([](ModelKeys& k) { k.pixel_mean = {.1, .2}; }, "model.pixel_mean");
}

TEST(ModelMeta, ReadsBackWhatItWrote) {
    ModelKeys keys = classifier();
    keys.activation = Activation::gelu_tanh;
    keys.norm_eps = 1e-6;
    keys.positions = Positions::patches;
    keys.ln_post = FinalNorm::pooled;
    keys.pool = Pool::tokens;
    keys.attention_bias = AttentionBias::output;
    keys.pixel_mean = {.4914, .4822, .4465};
    keys.pixel_sd = {.2470, .2435, .2616};
    const ModelKeys back = model_keys(model_meta(keys));
    EXPECT_EQ(model_meta(back), model_meta(keys));
    EXPECT_EQ(back.mlp, 256);
    EXPECT_EQ(back.norm, NormPlace::post);
    EXPECT_EQ(back.norm_eps, 1e-6);
    EXPECT_EQ(back.ln_post, FinalNorm::pooled);
    EXPECT_EQ(back.pixel_mean, keys.pixel_mean);
    EXPECT_FALSE(back.projection);
}

TEST(ModelMeta, OfEarlierFilesMeansClip) {
    const ModelKeys keys = model_keys(
        R"({"kind":"vit","image":28,"channels":1,"patch":7,"width":64,"depth":4,"heads":4,"mlp":128,"output":64,)"
        R"("activation":"gelu","pixel_mean":0.125,"pixel_sd":0.5})");
    EXPECT_EQ(keys.activation, Activation::gelu);
    EXPECT_EQ(keys.pixel_mean, std::vector<double>{.125});
    EXPECT_EQ(keys.norm, NormPlace::pre);
    EXPECT_TRUE(keys.class_token && keys.ln_pre && keys.projection && !keys.patch_bias);
    EXPECT_EQ(model_blocks(keys).size(), 8U + 12 * 4);
}

TEST(ModelMeta, RefusesWhatItDoesNotKnow) {
    EXPECT_THROW(model_keys("not json"), StorageError);
    EXPECT_THROW(model_keys("[]"), StorageError);
    EXPECT_THROW(model_keys("{}"), StorageError);
    EXPECT_THROW(model_keys(R"({"kind":"resnet"})"), StorageError);
    EXPECT_THROW(model_keys(R"({"kind":7})"), StorageError);
    for (const auto& [from, to] : {std::pair{"quick_gelu", "tanh"}, std::pair{"\"pre\"", "\"middle\""},
                                   std::pair{"\"class\"", "\"all\""}, std::pair{"[0.25]", "\"grey\""}}) {
        std::string meta = model_meta(ModelKeys{});
        meta.replace(meta.find(from), std::string(from).size(), to);
        EXPECT_THROW(model_keys(meta), StorageError) << meta;
    }
}

}  // namespace
}  // namespace vtvc
