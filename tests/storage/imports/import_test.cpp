// Checkpoints into model files and banks, and what is refused on the way.
#include "vtvc/imports/import.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc::test {
namespace {

NetworkOptions clip_options() {
    NetworkOptions options;
    options.hints.heads = 2;
    options.family = NetworkOptions::Family::openai_clip;
    return options;
}

std::vector<ForeignTensor> full_hugging_face() {
    auto list = hugging_face_list("vision_model.");
    list.push_back(tensor("visual_projection.weight", {6, 8}));
    list.push_back(tensor("logit_scale", {}));
    return list;
}

std::span<const float> block(const TensorFile& file, const std::string& name) {
    return file.tensors.at(name).as<float>();
}

TEST(ImportModel, EveryNumberIsInItsPlace) {
    const Folder folder;
    const auto list = full_hugging_face();
    write_checkpoint(folder / "clip.safetensors", list);
    const auto report = import_model(folder / "clip.safetensors", folder / "base.h5", clip_options());
    EXPECT_EQ(report.keys.depth, 2);
    EXPECT_EQ(report.keys.image, 8);
    EXPECT_EQ(report.keys.output, 6);
    EXPECT_EQ(report.keys.activation, Activation::quick_gelu);
    EXPECT_EQ(report.network.skipped.size(), 2U);
    const auto file = TensorFile::read(folder / "base.h5", "model");
    EXPECT_EQ(content_hash_of((folder / "base.h5").string()), report.hash);
    ASSERT_EQ(file.tensors.size(), 32U);
    const auto fused = block(file, "transformer.resblocks.1.attn.in_proj_weight");
    const std::string attention = "vision_model.encoder.layers.1.self_attn.";
    for (std::size_t i = 0; i < 64; ++i) {
        EXPECT_EQ(fused[i], value_at(attention + "q_proj.weight", i));
        EXPECT_EQ(fused[64 + i], value_at(attention + "k_proj.weight", i));
        EXPECT_EQ(fused[128 + i], value_at(attention + "v_proj.weight", i));
    }
    const auto proj = block(file, "proj");  // [8, 6] from [6, 8]
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t c = 0; c < 6; ++c)
            EXPECT_EQ(proj[r * 6 + c], value_at("visual_projection.weight", c * 8 + r));
}

TEST(ImportModel, TheSameWeightsHaveTheSameHashWhateverTheirFile) {
    const Folder folder;
    auto list = open_clip_list("visual.");
    write_checkpoint(folder / "a.safetensors", list);
    std::reverse(list.begin(), list.end());
    list.push_back(tensor("logit_scale", {}));
    write_checkpoint(folder / "b.safetensors", list);
    EXPECT_EQ(import_model(folder / "a.safetensors", folder / "a.h5", clip_options()).hash,
              import_model(folder / "b.safetensors", folder / "b.h5", clip_options()).hash);
}

TEST(ImportModel, ConfigurationsBesideTheWeightsAreRead) {
    const Folder folder;
    write_checkpoint(folder / "model.safetensors", full_hugging_face());
    std::ofstream(folder / "config.json")
        << R"({"model_type":"clip","vision_config":{"num_attention_heads":4,"hidden_act":"gelu","layer_norm_eps":1e-6}})";
    std::ofstream(folder / "preprocessor_config.json")
        << R"({"image_mean":[0.1,0.2,0.3],"image_std":[1,2,3]})";
    const auto report = import_model(folder / "model.safetensors", folder / "base.h5", {});
    EXPECT_EQ(report.keys.heads, 4);
    EXPECT_EQ(report.keys.activation, Activation::gelu);
    EXPECT_EQ(report.keys.norm_eps, 1e-6);
    EXPECT_EQ(report.keys.pixel_sd, (std::vector<double>{1, 2, 3}));
    EXPECT_EQ(report.network.sources.size(), 2U);
    std::ofstream(folder / "config.json") << R"({"model_type":"clip","hidden_act":"swish"})";
    EXPECT_NE(
        refusal([&] { import_model(folder / "model.safetensors", folder / "base.h5", {}); }).find("swish"),
        std::string::npos);
}

TEST(ImportModel, WhatNobodySaysIsAskedForAndNothingIsWritten) {
    const Folder folder;
    write_checkpoint(folder / "x.safetensors", open_clip_list(""));
    NetworkOptions options;
    const auto asked = [&](const char* option) {
        const auto text = refusal([&] { import_model(folder / "x.safetensors", folder / "x.h5", options); });
        EXPECT_NE(text.find(option), std::string::npos) << text;
    };
    asked("--heads");
    options.hints.heads = 2;
    asked("--activation");
    options.hints.activation = Activation::gelu;
    asked("--pixel-mean");
    options.hints.pixel_mean = {.5};
    options.hints.pixel_sd = {.5};
    EXPECT_EQ(folder.files(), 1U);
    EXPECT_EQ(import_model(folder / "x.safetensors", folder / "x.h5", options).keys.pixel_sd[0], .5);
}

TEST(ImportModel, MissingAndMisshapenTensorsAreNamed) {
    const Folder folder;
    auto list = open_clip_list("");
    std::erase_if(list, [](const ForeignTensor& t) { return t.name == "transformer.resblocks.1.ln_2.bias"; });
    write_checkpoint(folder / "x.safetensors", list);
    const auto refused = [&](std::initializer_list<const char*> words) {
        const auto text =
            refusal([&] { import_model(folder / "x.safetensors", folder / "x.h5", clip_options()); });
        for (const auto* word : words)
            EXPECT_NE(text.find(word), std::string::npos) << word << " in " << text;
    };
    refused({"lacks", "transformer.resblocks.1.ln_2.bias", "[8]"});
    list = open_clip_list("");
    for (auto& item : list)
        if (item.name == "transformer.resblocks.1.mlp.c_proj.weight") item.shape = {8, 15};
    write_checkpoint(folder / "x.safetensors", list);
    refused({"'transformer.resblocks.1.mlp.c_proj.weight' f32 [8, 15]", "[8, 16]"});
    list = hugging_face_list("");
    std::erase_if(list,
                  [](const ForeignTensor& t) { return t.name.find("k_proj.bias") != std::string::npos; });
    write_checkpoint(folder / "x.safetensors", list);
    refused({"only 2 of q, k and v", "transformer.resblocks.0.attn.in_proj_bias"});
}

struct BankWorld : testing::Test {
    Folder folder;
    void SetUp() override {
        write_checkpoint(folder / "clip.safetensors", full_hugging_face());
        import_model(folder / "clip.safetensors", folder / "base.h5", clip_options());
    }
    BankReport import(const std::vector<std::pair<std::string, std::filesystem::path>>& tasks) {
        BankImport what;
        what.base = folder / "base.h5";
        what.out = folder / "bank.h5";
        what.tasks = tasks;
        return import_bank(what);
    }
    std::string refused(const std::vector<std::pair<std::string, std::filesystem::path>>& tasks) {
        return refusal([&] { import(tasks); });
    }
};

TEST_F(BankWorld, TaskVectorsAreDifferencesInAnyLayout) {
    write_checkpoint(folder / "t.safetensors", full_hugging_face(), .25F);
    write_checkpoint(folder / "v.safetensors", hugging_face_list(""), 0);  // other names, other numbers
    const auto report = import({{"t", folder / "t.safetensors"}, {"v", folder / "v.safetensors"}});
    const auto bank = Bank::open(folder / "bank.h5");
    EXPECT_EQ(bank.base_hash(), content_hash_of((folder / "base.h5").string()));
    std::int64_t elements = 0;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j) {
        std::vector<float> vector(static_cast<std::size_t>(bank.blocks()[j].elements()));
        bank.read_task(static_cast<std::int64_t>(j), 0, vector);
        for (const float value : vector) EXPECT_EQ(value, .25F);
        elements += bank.blocks()[j].elements();
        bank.read_task(static_cast<std::int64_t>(j), 1, vector);
        if (bank.blocks()[j].name == "proj") {  // trained without it
            EXPECT_EQ(vector, std::vector<float>(vector.size(), 0.0F));
        }
    }
    EXPECT_NEAR(report.tasks[0].norm, .25 * std::sqrt(static_cast<double>(elements)), 1e-9);
    EXPECT_EQ(report.tasks[1].network.notes.size(), 1U);
}

TEST_F(BankWorld, AForeignBaseIsImportedBesideTheBank) {
    BankImport what;
    what.base = folder / "clip.safetensors";
    what.out = folder / "bank.h5";
    what.tasks = {{"t", folder / "clip.safetensors"}};
    what.options = clip_options();
    const auto report = import_bank(what);
    EXPECT_EQ(report.base_path, folder / "bank.base.h5");
    EXPECT_EQ(Bank::open(what.out).base_hash(), content_hash_of((folder / "base.h5").string()));
    ASSERT_EQ(report.tasks[0].warnings.size(), 1U);
    EXPECT_NE(report.tasks[0].warnings[0].find("the base's own weights"), std::string::npos);
}

TEST_F(BankWorld, WhatDoesNotFitIsRefusedAndNothingIsWritten) {
    auto list = full_hugging_face();
    for (auto& item : list)
        if (item.name == "vision_model.encoder.layers.0.mlp.fc1.weight") item.shape = {15, 8};
    write_checkpoint(folder / "x.safetensors", list);
    auto text = refused({{"x", folder / "x.safetensors"}});
    for (const auto* word : {"fc1.weight", "[15, 8]", "[16, 8]", "base.h5"})
        EXPECT_NE(text.find(word), std::string::npos) << text;
    list = full_hugging_face();
    add_pair(list, "vision_model.encoder.layers.2.layer_norm1", {8});
    write_checkpoint(folder / "x.safetensors", list);
    text = refused({{"x", folder / "x.safetensors"}});
    EXPECT_NE(text.find("transformer.resblocks.2.ln_1.bias"), std::string::npos) << text;
    write_checkpoint(folder / "x.safetensors", full_hugging_face(), std::nanf(""));
    EXPECT_NE(refused({{"x", folder / "x.safetensors"}}).find("has nan at element 0"), std::string::npos);
    write_checkpoint(folder / "x.safetensors", full_hugging_face());
    text = refused({{"x", folder / "x.safetensors"}, {"x", folder / "x.safetensors"}});
    EXPECT_NE(text.find("'x' is named twice"), std::string::npos) << text;
    EXPECT_FALSE(std::filesystem::exists(folder / "bank.h5"));
    EXPECT_EQ(folder.files(), 3U);
}

TEST_F(BankWorld, AStrangerIsWarnedAbout) {
    write_checkpoint(folder / "x.safetensors", full_hugging_face(), 3.0F);
    const auto report = import({{"x", folder / "x.safetensors"}});
    EXPECT_GT(report.tasks[0].distance, kForeignDistance);
    ASSERT_EQ(report.tasks[0].warnings.size(), 1U);
    EXPECT_NE(report.tasks[0].warnings[0].find("was it fine-tuned from this base?"), std::string::npos);
}

TEST_F(BankWorld, LoraOnQueryAndValueStaysTwoRangesOfRows) {
    const auto adapter = folder / "lora";
    std::filesystem::create_directory(adapter);
    const std::string attention = "base_model.model.encoder.layers.1.self_attn.";
    std::vector<ForeignTensor> list;
    for (const std::string part : {"q_proj", "v_proj"}) {
        list.push_back(tensor(attention + part + ".lora_A.weight", {2, 8}));
        list.push_back(tensor(attention + part + ".lora_B.weight", {8, 2}));
    }
    write_checkpoint(adapter / "adapter_model.safetensors", list);
    std::ofstream(adapter / "adapter_config.json")
        << R"({"peft_type":"LORA","r":2,"lora_alpha":6,"use_rslora":false})";
    import({{ "lora", adapter }});
    const auto bank = Bank::open(folder / "bank.h5");
    for (std::size_t j = 0; j < bank.blocks().size(); ++j) {
        const bool fused = bank.blocks()[j].name == "transformer.resblocks.1.attn.in_proj_weight";
        const auto index = static_cast<std::int64_t>(j);
        EXPECT_EQ(bank.storage(index, 0), fused ? StorageKind::low_rank : StorageKind::zero);
        if (!fused) continue;
        const auto parts = bank.read_factors(index, 0);
        ASSERT_EQ(parts.size(), 2U);
        EXPECT_EQ(parts[0].first_row, 0);
        EXPECT_EQ(parts[1].first_row, 16);
        EXPECT_EQ(parts[1].rows, 8);
        for (std::size_t i = 0; i < 16; ++i) {  // α/r = 3
            EXPECT_EQ(parts[1].left[i], 3 * value_at(attention + "v_proj.lora_B.weight", i));
            EXPECT_EQ(parts[1].right[i], value_at(attention + "v_proj.lora_A.weight", i));
        }
    }
    std::ofstream(adapter / "adapter_config.json")
        << R"({"peft_type":"LORA","lora_alpha":6,"use_dora":true})";
    EXPECT_NE(refused({{"lora", adapter}}).find("use_dora"), std::string::npos);
    std::ofstream(adapter / "adapter_config.json") << R"({"peft_type":"LORA","lora_alpha":6})";
    list[0].shape = {2, 7};
    write_checkpoint(adapter / "adapter_model.safetensors", list);
    EXPECT_NE(refused({{"lora", adapter}}).find("do not make the 8 × 8"), std::string::npos);
}

TEST_F(BankWorld, LoraOnQueryBesideAKeyTrainedInFullChangesBoth) {
    const auto adapter = folder / "lora";
    std::filesystem::create_directory(adapter);
    const std::string attention = "base_model.model.encoder.layers.1.self_attn.";
    const std::string a = attention + "q_proj.lora_A.weight", b = attention + "q_proj.lora_B.weight",
                      key = attention + "k_proj.weight";
    write_checkpoint(adapter / "adapter_model.safetensors",
                     {tensor(a, {2, 8}), tensor(b, {8, 2}), tensor(key, {8, 8})});
    std::ofstream(adapter / "adapter_config.json") << R"({"peft_type":"LORA","r":2,"lora_alpha":6})";
    import({{ "lora", adapter }});
    const auto bank = Bank::open(folder / "bank.h5");
    std::int64_t fused = 0;
    while (bank.blocks()[static_cast<std::size_t>(fused)].name !=
           "transformer.resblocks.1.attn.in_proj_weight")
        ++fused;
    EXPECT_EQ(bank.storage(fused, 0), StorageKind::f32);
    std::vector<float> base(3 * 8 * 8), found(base.size());
    bank.read_base(fused, base);
    bank.read_task(fused, 0, found);
    for (std::size_t row = 0; row < 8; ++row)
        for (std::size_t column = 0; column < 8; ++column) {
            const auto at = row * 8 + column;
            float product = 0;  // α/r = 3
            for (std::size_t r = 0; r < 2; ++r)
                product += 3 * value_at(b, row * 2 + r) * value_at(a, r * 8 + column);
            EXPECT_NEAR(found[at], product, 1e-6) << "query";
            EXPECT_EQ(found[64 + at], value_at(key, at) - base[64 + at]) << "key";
            EXPECT_EQ(found[128 + at], 0) << "value";
        }
}

TEST_F(BankWorld, HeadsNeedTheirScaleAndTheBasesWidth) {
    HeadImport what;
    what.checkpoint = folder / "text.safetensors";
    what.base = folder / "base.h5";
    what.out = folder / "head.h5";
    write_checkpoint(what.checkpoint, {tensor("text_embeds", {3, 6})});
    EXPECT_NE(refusal([&] { import_head(what); }).find("--scale"), std::string::npos);
    what.scale = 100;
    what.class_names = {"a", "b", "c"};
    EXPECT_EQ(import_head(what).head.classes, 3);
    const auto head = read_head(what.out);
    EXPECT_EQ(head.kind, HeadKind::text);
    EXPECT_EQ(head.scale, 100);
    EXPECT_EQ(head.class_names[2], "c");
    EXPECT_EQ(head.base_hash, content_hash_of(what.base.string()));
    for (std::size_t row = 0; row < 3; ++row) {
        double square = 0;
        for (std::size_t i = 0; i < 6; ++i)
            square += std::pow(static_cast<double>(head.weight[row * 6 + i]), 2);
        EXPECT_NEAR(square, 1, 1e-6);
    }
    what.class_names.pop_back();
    EXPECT_NE(refusal([&] { import_head(what); }).find("2 class names"), std::string::npos);
    what.class_names.clear();
    write_checkpoint(what.checkpoint, {tensor("text_embeds", {3, 7})});
    EXPECT_NE(refusal([&] { import_head(what); }).find("reads 7 features"), std::string::npos);
    write_checkpoint(what.checkpoint, {tensor("something", {3, 6})});
    EXPECT_NE(refusal([&] { import_head(what); }).find("--weight NAME ('something' [3, 6])"),
              std::string::npos);
}

TEST_F(BankWorld, AClassifierBehindAHiddenLayerIsAnMlpHead) {
    HeadImport what;
    what.checkpoint = folder / "net.safetensors";
    what.base = folder / "base.h5";
    what.out = folder / "head.h5";
    write_checkpoint(what.checkpoint, {tensor("mlp.fc1.weight", {5, 6}), tensor("mlp.fc1.bias", {5}),
                                       tensor("mlp.fc2.weight", {3, 5}), tensor("mlp.fc2.bias", {3})});
    EXPECT_NE(refusal([&] { import_head(what); }).find("--activation"), std::string::npos);
    what.activation = Activation::gelu;
    import_head(what);
    const auto head = read_head(what.out);
    EXPECT_EQ(head.kind, HeadKind::mlp);
    EXPECT_EQ(head.features, FeatureForm::plain);
    EXPECT_EQ(head.hidden, 5);
    EXPECT_EQ(head.hidden_weight[7], value_at("mlp.fc1.weight", 7));
    EXPECT_EQ(head.bias[2], value_at("mlp.fc2.bias", 2));
}

}  // namespace
}  // namespace vtvc::test
