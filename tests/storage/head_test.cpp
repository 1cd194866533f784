#include "vtvc/storage/head.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

HeadContents linear_head() {
    HeadContents head;
    head.kind = HeadKind::linear;
    head.features = FeatureForm::plain;
    head.classes = 3;
    head.width = 2;
    head.weight = {1, 2, 3, 4, 5, 6};
    head.bias = {.5, -.5, 0};
    head.class_names = {"cat", "dog", "eel"};
    head.base_hash = "0123";
    return head;
}

HeadContents mlp_head() {
    HeadContents head = linear_head();
    head.kind = HeadKind::mlp;
    head.hidden = 4;
    head.weight.assign(12, .25F);
    head.hidden_weight = {1, 2, 3, 4, 5, 6, 7, 8};
    head.hidden_bias = {9, 10, 11, 12};
    head.activation = Activation::relu;
    head.about = R"({"source":"elsewhere"})";
    return head;
}

using test::expect_refused;

TEST(HeadFile, ReadsBackWhatWasWritten) {
    const test::Folder folder;
    for (const HeadContents& head : {linear_head(), mlp_head()}) {
        write_head(folder / "head.h5", head);
        const HeadContents back = read_head(folder / "head.h5");
        EXPECT_EQ(back.kind, head.kind);
        EXPECT_EQ(back.features, FeatureForm::plain);
        EXPECT_EQ(back.classes, 3);
        EXPECT_EQ(back.width, 2);
        EXPECT_EQ(back.hidden, head.hidden);
        EXPECT_EQ(back.weight, head.weight);
        EXPECT_EQ(back.bias, head.bias);
        EXPECT_EQ(back.hidden_weight, head.hidden_weight);
        EXPECT_EQ(back.hidden_bias, head.hidden_bias);
        EXPECT_EQ(back.class_names, head.class_names);
        EXPECT_EQ(back.base_hash, "0123");
        if (head.hidden > 0) {
            EXPECT_EQ(back.activation, Activation::relu);
            EXPECT_EQ(nlohmann::json::parse(back.about).at("source"), "elsewhere");
        }
    }
}

/// Heads of before kinds were told apart: cosine rows and a scale.
TEST(HeadFile, OfBeforeReadsAsACosineHead) {
    const test::Folder folder;
    TensorFile file;
    file.kind = "head";
    file.meta = R"({"head":"linear_probe","scale":16.0,"base_hash":"b","dataset_hash":"d","about":{}})";
    file.tensors["weight"] = HostTensor::of<float>({2, 2}, std::vector<float>{1, 0, 0, 1});
    file.write(folder / "head.h5");
    const HeadContents head = read_head(folder / "head.h5");
    EXPECT_EQ(head.kind, HeadKind::linear_probe);
    EXPECT_EQ(head.features, FeatureForm::normalised);
    EXPECT_EQ(head.scale, 16);
    EXPECT_TRUE(head.bias.empty() && head.class_names.empty());
}

TEST(HeadFile, RefusesToWriteWhatContradictsItself) {
    const test::Folder folder;
    const auto refused = [&](auto change, const std::string& what) {
        HeadContents head = mlp_head();
        change(head);
        expect_refused([&] { write_head(folder / "head.h5", head); }, {"head.h5", what});
        EXPECT_EQ(folder.files(), 0U);
    };
    refused([](HeadContents& h) { h.weight.pop_back(); }, "weight");
    refused([](HeadContents& h) { h.bias.pop_back(); }, "bias");
    refused([](HeadContents& h) { h.hidden_bias.clear(); }, "hidden_bias");
    refused([](HeadContents& h) { h.hidden_weight[3] = NAN; }, "nan at element 3");
    refused([](HeadContents& h) { h.kind = HeadKind::linear; }, "kind linear");
    refused([](HeadContents& h) { h.hidden = 0; }, "kind mlp");
    refused([](HeadContents& h) { h.scale = 0; }, "scale");
    refused([](HeadContents& h) { h.base_hash.clear(); }, "base");
    refused([](HeadContents& h) { h.class_names.pop_back(); }, "2 class names");
    refused([](HeadContents& h) { h.classes = 1; }, "two classes");
}

TEST(HeadFile, RefusesToReadWhatItDoesNotKnow) {
    const test::Folder folder;
    const auto refused = [&](const std::string& meta, std::vector<std::int64_t> shape,
                             const std::vector<std::string>& parts) {
        TensorFile file;
        file.kind = "head";
        file.meta = meta;
        const std::vector<float> values(6, 1.F);
        file.tensors["weight"] = HostTensor::of<float>(std::move(shape), values);
        file.write(folder / "head.h5");
        expect_refused([&] { read_head(folder / "head.h5"); }, parts);
    };
    refused(R"({"head":"forest","base_hash":"b"})", {3, 2}, {"forest", "newer"});
    refused(R"({"head":7,"base_hash":"b"})", {3, 2}, {"cannot be read"});
    refused(R"({"base_hash":"b","scale":"much"})", {3, 2}, {"cannot be read"});
    refused(R"({"base_hash":"b"})", {6}, {"shape 6", "2 dimensions"});
    refused(R"({"base_hash":"b","head":"mlp"})", {3, 2}, {"kind mlp"});
    refused("[]", {3, 2}, {"not a JSON object"});
    refused(R"({})", {3, 2}, {"names no base"});
}

}  // namespace
}  // namespace vtvc
