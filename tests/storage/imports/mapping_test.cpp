#include "vtvc/imports/mapping.hpp"

#include <algorithm>
#include <set>

#include "lists.hpp"

namespace vtvc::test {
namespace {

std::set<std::string> blocks_of(const Mapping& mapping) {
    std::set<std::string> blocks;
    for (const auto& piece : mapping.pieces) blocks.insert(piece.block);
    return blocks;
}

std::string reason(const Mapping& mapping, const std::string& name) {
    for (const auto& skipped : mapping.skipped)
        if (skipped.name == name) return skipped.reason;
    return "not skipped";
}

TEST(Mapping, OpenClipNamesAreOurs) {
    const auto mapping = map_names(open_clip_list(""), {}, "x");
    EXPECT_EQ(mapping.layout, "open_clip");
    EXPECT_EQ(mapping.prefix, "");
    EXPECT_EQ(mapping.pieces.size(), 32U);
    EXPECT_EQ(blocks_of(mapping).size(), 32U);  // 8 outside and 12 a layer
}

TEST(Mapping, WrappersAreUnwrappedWhateverTheirDepth) {
    for (const std::string prefix : {"visual.", "model.visual.", "state_dict.module.model.visual.",
                                     "clip_model.model.visual.", "model_state_dict.clip_model.visual."}) {
        const auto mapping = map_names(open_clip_list(prefix), {}, "x");
        EXPECT_EQ(mapping.prefix, prefix);
        EXPECT_EQ(blocks_of(mapping).size(), 32U);
    }
}

TEST(Mapping, LeftoversOfTheTextTowerAreSkippedAndListed) {
    auto list = open_clip_list("model.visual.");
    add_leftovers(list, "model.");
    const auto mapping = map_names(list, {}, "x");
    EXPECT_EQ(mapping.pieces.size(), 32U);
    EXPECT_EQ(mapping.skipped.size(), 6U);
    EXPECT_EQ(reason(mapping, "model.token_embedding.weight"), "of the text tower");
    EXPECT_EQ(reason(mapping, "model.positional_embedding"), "of the text tower");
    EXPECT_EQ(reason(mapping, "model.logit_scale"), "the head's scale (vtvc head import)");
}

TEST(Mapping, ATextTowerOfTheSameNamesIsNotTakenForTheNetwork) {
    auto list = open_clip_list("visual.");
    for (int layer = 0; layer < 12; ++layer)
        add_pair(list, fmt::format("transformer.resblocks.{}.attn.in_proj", layer), {12, 4}, '_');
    add_leftovers(list, "");
    const auto mapping = map_names(list, {}, "x");
    EXPECT_EQ(mapping.prefix, "visual.");
    EXPECT_EQ(mapping.pieces.size(), 32U);
    EXPECT_EQ(reason(mapping, "transformer.resblocks.11.attn.in_proj_bias"), "of the text tower");
}

TEST(Mapping, HuggingFaceOldAndNewGiveTheSame) {
    const auto old_names = map_names(hugging_face_list("vision_model."), {}, "x");
    const auto new_names = map_names(hugging_face_list(""), {}, "x");
    EXPECT_EQ(old_names.layout, "Hugging Face CLIP");
    EXPECT_EQ(old_names.prefix, "vision_model.");
    EXPECT_EQ(new_names.prefix, "");
    EXPECT_EQ(blocks_of(old_names), blocks_of(new_names));
    EXPECT_EQ(blocks_of(old_names).size(), 31U);  // no projection in a CLIPVisionModel
    EXPECT_EQ(reason(old_names, "vision_model.embeddings.position_ids"), "i64, not a weight");
}

TEST(Mapping, AFullClipModelGivesItsProjectionTransposed) {
    auto list = hugging_face_list("vision_model.");
    list.push_back(tensor("visual_projection.weight", {6, 8}));
    list.push_back(tensor("text_projection.weight", {6, 4}));
    list.push_back(tensor("logit_scale", {}));
    add_pair(list, "text_model.encoder.layers.0.self_attn.q_proj", {4, 4});
    const auto mapping = map_names(list, {}, "x");
    EXPECT_EQ(blocks_of(mapping).size(), 32U);
    const auto proj = std::find_if(mapping.pieces.begin(), mapping.pieces.end(),
                                   [](const Piece& piece) { return piece.block == "proj"; });
    ASSERT_NE(proj, mapping.pieces.end());
    EXPECT_EQ(proj->orientation, Orientation::transposed);
    EXPECT_EQ(list[proj->tensor].name, "visual_projection.weight");
}

TEST(Mapping, QueryKeyAndValueAreThirdsOfOneBlock) {
    const auto list = hugging_face_list("");
    const auto mapping = map_names(list, {}, "x");
    std::vector<std::string> names;
    for (const auto& piece : mapping.pieces)
        if (piece.block == "transformer.resblocks.1.attn.in_proj_weight")
            names.push_back(list[piece.tensor].name);
    const std::vector<std::string> expected{"encoder.layers.1.self_attn.q_proj.weight",
                                            "encoder.layers.1.self_attn.k_proj.weight",
                                            "encoder.layers.1.self_attn.v_proj.weight"};
    EXPECT_EQ(names, expected);
}

TEST(Mapping, WhatNoRuleKnowsIsRefusedByNameAndShape) {
    auto list = open_clip_list("visual.");
    list.push_back(tensor("visual.adapter.weight", {3, 8}));
    const auto text = refusal([&] { map_names(list, {}, "x.pt"); });
    for (const auto* part : {"x.pt", "'visual.adapter.weight'", "[3, 8]", "--map"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Mapping, NamesOfNoLayoutAreRefusedWithTheLayoutsKnown) {
    const auto text = refusal([&] { map_names({tensor("layer1.0.conv1.weights", {8})}, {}, "resnet.pt"); });
    for (const auto* part : {"resnet.pt", "open_clip", "Hugging Face CLIP", "--map"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Mapping, TwoNetworksInOneFileAskForThePrefix) {
    auto list = open_clip_list("model.visual.");
    for (auto& more : open_clip_list("ema.visual.")) list.push_back(more);
    const auto text = refusal([&] { map_names(list, {}, "x"); });
    EXPECT_NE(text.find("--prefix"), std::string::npos) << text;
    MappingOptions options;
    options.prefix = "ema.visual.";
    options.map = {};
    // The other network's tensors are still unknown: a prefix does not silence them.
    EXPECT_NE(refusal([&] { map_names(list, options, "x"); }).find("model.visual."), std::string::npos);
}

TEST(Mapping, OneRowRangeFilledTwiceIsRefused) {
    auto list = open_clip_list("");
    list.push_back(tensor("transformer.resblocks.0.attn.q_proj.weight", {8, 8}));
    const auto text = refusal([&] { map_names(list, {}, "x"); });
    EXPECT_NE(text.find("both"), std::string::npos) << text;
}

TEST(Mapping, LayersAreNumberedPlainly) {
    auto list = open_clip_list("");
    list.push_back(tensor("transformer.resblocks.01.ln_1.weight", {8}));
    EXPECT_NE(refusal([&] { map_names(list, {}, "x"); }).find("resblocks.01."), std::string::npos);
}

TEST(Mapping, AnAdaptersModulesAreFoundWithoutTheRestOfTheNetwork) {
    for (const std::string prefix : {"base_model.model.", "base_model.model.vision_model."}) {
        const auto targets = map_targets({prefix + "encoder.layers.0.self_attn.q_proj.weight",
                                          prefix + "encoder.layers.11.self_attn.v_proj.weight"},
                                         {}, "x");
        ASSERT_EQ(targets.size(), 2U);
        EXPECT_EQ(targets[0].block, "transformer.resblocks.0.attn.in_proj_weight");
        EXPECT_EQ(targets[0].part, Part::query);
        EXPECT_EQ(targets[1].block, "transformer.resblocks.11.attn.in_proj_weight");
        EXPECT_EQ(targets[1].part, Part::value);
    }
    const auto text = refusal([] { map_targets({"base_model.model.layers.0.w.weight"}, {}, "adapter"); });
    EXPECT_NE(text.find("base_model.model.layers.0.w.weight"), std::string::npos) << text;
}

}  // namespace
}  // namespace vtvc::test
