// Our files back to the layouts they came from.
#include "vtvc/imports/export.hpp"

#include <cmath>

#include "files.hpp"
#include "vtvc/imports/import.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/predictions.hpp"

namespace vtvc::test {
namespace {

struct ExportWorld : testing::Test {
    Folder folder;
    std::vector<ForeignTensor> list = hugging_face_list("vision_model.");
    void SetUp() override {
        list.push_back(tensor("visual_projection.weight", {6, 8}, ForeignType::bf16));
        list.push_back(tensor("logit_scale", {}));
        write_checkpoint(folder / "clip.safetensors", list);
        write_checkpoint(folder / "t.safetensors", list, .25F);
        BankImport what;
        what.base = folder / "clip.safetensors";
        what.out = folder / "bank.h5";
        what.tasks = {{"t", folder / "t.safetensors"}, {"u", folder / "t.safetensors"}};
        what.options.hints.heads = 2;
        what.options.family = NetworkOptions::Family::openai_clip;
        import_bank(what);
    }
    ExportOptions to(const std::string& name) { return {folder / name, {}, {}}; }
    /// Types and numbers of every tensor of the network in both.
    void expect_same(const std::string& name, const std::string& original, std::size_t count) {
        const auto got = ForeignCheckpoint::open(folder / name);
        EXPECT_EQ(got.tensors().size(), count);
        const auto back = read_checkpoint(folder / name), there = read_checkpoint(folder / original);
        for (const auto& item : got.tensors()) {
            const auto known = std::find_if(list.begin(), list.end(),
                                            [&](const ForeignTensor& t) { return t.name == item.name; });
            ASSERT_NE(known, list.end()) << item.name;
            EXPECT_EQ(item.type, known->type) << item.name;
            EXPECT_EQ(item.shape, known->shape) << item.name;
            EXPECT_EQ(back.at(item.name), there.at(item.name)) << item.name;
        }
    }
};

TEST_F(ExportWorld, ABaseGoesBackToItsLayout) {
    const auto report = export_model(folder / "bank.base.h5", to("back.safetensors"));
    EXPECT_EQ(report.layout, "Hugging Face CLIP");
    expect_same("back.safetensors", "clip.safetensors", list.size() - 2);
}

TEST_F(ExportWorld, WhatTheNetworkLacksIsCopiedFromTheOriginal) {
    auto options = to("back.safetensors");
    options.complete_from = folder / "clip.safetensors";
    EXPECT_EQ(export_model(folder / "bank.base.h5", options).copied, 2U);
    expect_same("back.safetensors", "clip.safetensors", list.size());
    write_checkpoint(folder / "other.safetensors", open_clip_list(""));
    options.complete_from = folder / "other.safetensors";
    EXPECT_NE(refusal([&] { export_model(folder / "bank.base.h5", options); }).find("has 0 of the"),
              std::string::npos);
}

TEST_F(ExportWorld, TasksAndSumsGoBack) {
    export_task(folder / "bank.h5", 1, to("u.safetensors"));
    expect_same("u.safetensors", "t.safetensors", list.size() - 2);
    const auto bank = Bank::open(folder / "bank.h5");
    export_merged(folder / "bank.h5", constant_coefficients(bank, {{"t", .5}, {"u", .25}}),
                  to("m.safetensors"));
    for (const auto& [name, values] : read_checkpoint(folder / "m.safetensors"))
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_NEAR(values[i], value_at(name, i) + .1875F,
                        name == "visual_projection.weight" ? 4e-3 : 1e-6);
    const auto text = refusal([&] { constant_coefficients(bank, {{"x", 1}}); });
    EXPECT_NE(text.find("has no task 'x' (it has t, u)"), std::string::npos) << text;
}

TEST_F(ExportWorld, ASamplesCoefficientsComeFromPredictions) {
    PredictionsContents contents;
    contents.meta = R"({"partition":"layer"})";
    contents.task_names = {"u"};  // t was left out
    contents.coefficient_names = {"embedding", "layer0", "layer1", "output"};
    PredictionSet set;
    set.dataset = "toys";
    set.mode = "mean";
    set.rows = 2;
    set.tasks = 1;
    set.coefficients = 4;
    set.ids = {10, 11};
    set.coefficient_values = {0, 0, 0, 0, 1, 2, 3, 4};
    contents.sets = {set};
    write_predictions(folder / "p.h5", contents);
    const auto bank = Bank::open(folder / "bank.h5");
    const auto z = sample_coefficients(bank, folder / "p.h5", "toys/mean", 11);
    const auto map = partition_blocks(Partition::layer, bank.blocks());
    for (std::size_t j = 0; j < z[1].size(); ++j) {
        EXPECT_EQ(z[0][j], 0);
        EXPECT_EQ(z[1][j], static_cast<float>(map.index[j] + 1));
    }
    EXPECT_NE(
        refusal([&] { sample_coefficients(bank, folder / "p.h5", "toys/mean", 12); }).find("no sample 12"),
        std::string::npos);
    EXPECT_NE(refusal([&] { sample_coefficients(bank, folder / "p.h5", "", 12); }).find("toys/mean"),
              std::string::npos);
}

TEST(ExactNumbers, AreReadBackWhereRoundingLosesThem) {
    const Folder folder;
    BankPlan plan;
    plan.base_hash = "base";
    plan.blocks = {{"a", {3}}, {"b", {2}}};
    plan.tasks = {{"t", "", {}}};
    BankWriter writer(folder / "bank.h5", plan);
    const std::vector<float> base{1, 2, 3}, tau{-1, 0, 1}, theta{1e-9F};
    const std::vector<std::int32_t> at{0};
    writer.put_base(0, base);
    EXPECT_NE(refusal([&] { writer.put_exact(0, 0, at, theta); }).find("before its vector"),
              std::string::npos);
    writer.put_task(0, 0, tau);
    writer.put_exact(0, 0, at, theta);
    writer.put_base(1, std::span(base).first(2));
    writer.put_task(1, 0, std::span(tau).first(2));
    writer.put_exact(1, 0, {}, {});
    writer.finish();
    const auto bank = Bank::open(folder / "bank.h5");
    std::vector<float> sum{0, 2, 4};
    bank.restore(0, 0, sum);
    EXPECT_EQ(sum, (std::vector<float>{1e-9F, 2, 4}));
    std::vector<float> other{0, 2};
    bank.restore(1, 0, other);
    EXPECT_EQ(other, (std::vector<float>{0, 2}));
}

TEST(SafetensorsWriter, RoundsToNearestEven) {
    const auto half = [](float value) {
        const auto bytes = to_bytes(std::span(&value, 1), ForeignType::f16, "x");
        std::uint16_t bits = 0;
        std::memcpy(&bits, bytes.data(), 2);
        return bits;
    };
    EXPECT_EQ(half(1.0F), 0x3C00);
    EXPECT_EQ(half(-2.0F), 0xC000);
    EXPECT_EQ(half(65504.0F), 0x7BFF);
    EXPECT_EQ(half(std::ldexp(1.0F, -24)), 0x0001);
    EXPECT_EQ(half(std::ldexp(1.0F, -25)), 0x0000);         // a tie, to even
    EXPECT_EQ(half(std::ldexp(3.0F, -25)), 0x0002);         // a tie, to even
    EXPECT_EQ(half(1.0F + std::ldexp(1.0F, -11)), 0x3C00);  // a tie, to even
    EXPECT_EQ(half(1.0F + std::ldexp(3.0F, -11)), 0x3C02);  // a tie, to even
    EXPECT_NE(refusal([&] { half(65536.0F); }).find("too large for f16"), std::string::npos);
}

TEST(SafetensorsWriter, LeavesNothingBehindWhenItIsNotFinished) {
    const Folder folder;
    {
        SafetensorsWriter writer(folder / "x.safetensors", {tensor("a", {2})}, {});
        EXPECT_NE(
            refusal([&] { writer.write(std::vector<std::byte>(4)); }).find("4 bytes given for tensor 'a'"),
            std::string::npos);
    }
    EXPECT_EQ(folder.files(), 0U);
    SafetensorsWriter writer(folder / "x.safetensors", {tensor("a", {2})}, {});
    EXPECT_NE(refusal([&] { writer.finish(); }).find("0 of 1"), std::string::npos);
}

TEST(SafetensorsWriter, AFileWithoutTensorsIsAFileAllTheSame) {
    const Folder folder;
    for (const auto& notes : {std::map<std::string, std::string>{}, {{"format", "pt"}}}) {
        SafetensorsWriter(folder / "x.safetensors", {}, notes).finish();
        const auto read = ForeignCheckpoint::open(folder / "x.safetensors");
        EXPECT_TRUE(read.tensors().empty());
        EXPECT_EQ(read.notes(), notes);
    }
}

}  // namespace
}  // namespace vtvc::test
