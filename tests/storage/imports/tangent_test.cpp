// Linearised models name nothing: the order of ImageEncoder.named_parameters() tells what is what.
#include <set>

#include "lists.hpp"

namespace vtvc::test {
namespace {

enum class Order { attention_first, norm_first };

/// The shapes of open_clip's parameters in their order, once as params0 and once as params.
std::vector<ForeignTensor> tangent_list(Order order) {
    using Shape = std::vector<std::int64_t>;
    std::vector<Shape> shapes{{77, 4}, {4, 6}, {}, {8}, {5, 8}, {8, 6}, {8, 3, 4, 4}, {8}, {8}};
    for (int layer = 0; layer < 2; ++layer) {
        const std::vector<Shape> attention{{24, 8}, {24}, {8, 8}, {8}}, mlp{{16, 8}, {16}, {8, 16}, {8}},
            norm{{8}, {8}};
        for (const auto& part : order == Order::attention_first ? std::vector{attention, norm, mlp, norm}
                                                                : std::vector{norm, attention, norm, mlp})
            shapes.insert(shapes.end(), part.begin(), part.end());
    }
    for (const auto& shape : {Shape{8}, Shape{8}, Shape{50, 4}, Shape{4}, Shape{4}}) shapes.push_back(shape);
    std::vector<ForeignTensor> list;
    for (const std::string half : {"params", "params0"})
        for (std::size_t i = 0; i < shapes.size(); ++i)
            list.push_back(tensor(fmt::format("model.{}.{}", half, i), shapes[i]));
    return list;
}

std::string tensor_of(const std::vector<ForeignTensor>& list, const Mapping& mapping,
                      const std::string& block) {
    for (const auto& piece : mapping.pieces)
        if (piece.block == block) return list[piece.tensor].name;
    return "none";
}

TEST(Tangent, ParametersAreNamedByTheirOrder) {
    for (const auto order : {Order::attention_first, Order::norm_first}) {
        const auto list = tangent_list(order);
        const auto mapping = map_names(list, {}, "x");
        EXPECT_EQ(mapping.pieces.size(), 32U);
        EXPECT_EQ(mapping.skipped.size(), list.size() - 32);
        EXPECT_EQ(tensor_of(list, mapping, "conv1.weight"), "model.params.6");
        EXPECT_EQ(tensor_of(list, mapping, "proj"), "model.params.5");
        EXPECT_EQ(tensor_of(list, mapping, "ln_post.bias"), "model.params.34");
        const bool attention_first = order == Order::attention_first;
        EXPECT_EQ(tensor_of(list, mapping, "transformer.resblocks.1.attn.in_proj_weight"),
                  attention_first ? "model.params.21" : "model.params.23");
        EXPECT_EQ(tensor_of(list, mapping, "transformer.resblocks.0.mlp.c_proj.bias"),
                  attention_first ? "model.params.18" : "model.params.20");
        ASSERT_EQ(mapping.notes.size(), 1U);
    }
}

TEST(Tangent, TheOtherHalfIsTheBase) {
    MappingOptions options;
    options.tangent = MappingOptions::Tangent::base;
    const auto list = tangent_list(Order::attention_first);
    EXPECT_EQ(tensor_of(list, map_names(list, options, "x"), "conv1.weight"), "model.params0.6");
}

TEST(Tangent, AnotherOrderAndMissingNumbersAreRefused) {
    auto list = tangent_list(Order::attention_first);
    std::swap(list[10].shape, list[12].shape);
    EXPECT_NE(refusal([&] { map_names(list, {}, "lin.pt"); }).find("lin.pt"), std::string::npos);
    list = tangent_list(Order::attention_first);
    list.erase(list.begin() + 3);
    EXPECT_NE(refusal([&] { map_names(list, {}, "lin.pt"); }).find("numbers are missing"), std::string::npos);
}

}  // namespace
}  // namespace vtvc::test
