#include <algorithm>

#include "support.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {
namespace {

/// Names of CLIP's visual blocks, in the order of the network.
std::vector<Block> vit_blocks(int depth) {
    std::vector<Block> blocks;
    const auto add = [&](const std::string& name) { blocks.push_back({name, {2}}); };
    for (const auto* name :
         {"conv1.weight", "class_embedding", "positional_embedding", "ln_pre.weight", "ln_pre.bias"})
        add(name);
    for (int i = 0; i < depth; ++i)
        for (const auto* part : {"ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.in_proj_bias",
                                 "attn.out_proj.weight", "attn.out_proj.bias", "ln_2.weight", "ln_2.bias",
                                 "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"})
            add("transformer.resblocks." + std::to_string(i) + "." + part);
    for (const auto* name : {"ln_post.weight", "ln_post.bias", "proj"}) add(name);
    return blocks;
}

std::int64_t coefficient_of(const PartitionMap& map, const std::vector<Block>& blocks,
                            const std::string& name) {
    const auto at = std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.name == name; });
    return map.index.at(static_cast<std::size_t>(at - blocks.begin()));
}

TEST(Partition, HasTheLiteraturesCountsForClip) {
    EXPECT_EQ(partition_blocks(Partition::tensor, vit_blocks(12)).count(), 152);
    EXPECT_EQ(partition_blocks(Partition::tensor, vit_blocks(24)).count(), 296);
    EXPECT_EQ(partition_blocks(Partition::module, vit_blocks(12)).count(), 78);
    EXPECT_EQ(partition_blocks(Partition::layer, vit_blocks(12)).count(), 14);
    EXPECT_EQ(partition_blocks(Partition::model, vit_blocks(12)).count(), 1);
}

TEST(Partition, TensorGivesEveryBlockItsOwnCoefficientAndItsLayer) {
    const auto blocks = vit_blocks(2);
    const auto map = partition_blocks(Partition::tensor, blocks);
    EXPECT_EQ(map.layers, 4);
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        EXPECT_EQ(map.index[j], static_cast<std::int64_t>(j));
        EXPECT_EQ(map.names[j], blocks[j].name);
    }
    EXPECT_EQ(map.layer.front(), 0);
    EXPECT_EQ(map.layer[5], 1);
    EXPECT_EQ(map.layer[5 + 12], 2);
    EXPECT_EQ(map.layer.back(), 3);
}

TEST(Partition, ModuleJoinsAWeightWithItsBias) {
    const auto blocks = vit_blocks(2);
    const auto map = partition_blocks(Partition::module, blocks);
    const std::string second = "transformer.resblocks.1.";
    EXPECT_EQ(coefficient_of(map, blocks, second + "attn.in_proj_weight"),
              coefficient_of(map, blocks, second + "attn.in_proj_bias"));
    EXPECT_EQ(coefficient_of(map, blocks, second + "ln_1.weight"),
              coefficient_of(map, blocks, second + "ln_1.bias"));
    EXPECT_NE(coefficient_of(map, blocks, second + "ln_1.bias"),
              coefficient_of(map, blocks, second + "ln_2.bias"));
    EXPECT_NE(coefficient_of(map, blocks, second + "ln_1.bias"),
              coefficient_of(map, blocks, "transformer.resblocks.0.ln_1.bias"));
    const auto in_proj = static_cast<std::size_t>(coefficient_of(map, blocks, second + "attn.in_proj_bias"));
    EXPECT_EQ(map.names[in_proj], second + "attn.in_proj");
    EXPECT_EQ(map.layer[in_proj], 2);
    EXPECT_EQ(map.layers, 4);
}

TEST(Partition, LayerDoesNotDependOnTheOrderOfBlocks) {
    auto blocks = vit_blocks(12);
    std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    const auto map = partition_blocks(Partition::layer, blocks);
    ASSERT_EQ(map.count(), 14);
    EXPECT_EQ(map.layers, 14);
    EXPECT_EQ(map.names.front(), "embedding");
    EXPECT_EQ(map.names[3], "layer2");
    EXPECT_EQ(map.names.back(), "output");
    for (const auto* name : {"conv1.weight", "class_embedding", "positional_embedding", "ln_pre.bias"})
        EXPECT_EQ(coefficient_of(map, blocks, name), 0) << name;
    for (const auto* name : {"ln_post.weight", "proj"})
        EXPECT_EQ(coefficient_of(map, blocks, name), 13) << name;
    EXPECT_EQ(coefficient_of(map, blocks, "transformer.resblocks.10.ln_1.weight"), 11);
}

TEST(Partition, OtherNamesGoByPlace) {
    const std::vector<Block> blocks{
        {"stem.weight", {1}}, {"blocks.0.w", {1}}, {"blocks.1.w", {1}}, {"head.w", {1}}};
    const auto map = partition_blocks(Partition::layer, blocks);
    EXPECT_EQ(map.names, (std::vector<std::string>{"embedding", "layer0", "layer1", "output"}));
    EXPECT_EQ(map.index, (std::vector<std::int64_t>{0, 1, 2, 3}));
    const auto flat = partition_blocks(Partition::layer, {{"w", {1}}, {"b", {1}}});
    EXPECT_EQ(flat.names, (std::vector<std::string>{"embedding"}));
}

TEST(Partition, ModelHasOneCoefficientOnOneLayer) {
    const auto map = partition_blocks(Partition::model, vit_blocks(3));
    EXPECT_EQ(map.index, std::vector<std::int64_t>(8 + 36, 0));
    EXPECT_EQ(map.layer, (std::vector<std::int64_t>{0}));
    EXPECT_EQ(map.layers, 1);
}

}  // namespace
}  // namespace vtvc
