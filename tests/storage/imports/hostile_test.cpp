// What strangers can write into the files around weights: configurations, adapters, expressions, files of
// ours.
#include <chrono>
#include <cmath>

#include "adapter.hpp"
#include "config_file.hpp"
#include "expression.hpp"
#include "files.hpp"
#include "origin.hpp"
#include "vtvc/imports/architecture.hpp"
#include "vtvc/imports/export.hpp"
#include "vtvc/imports/import.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/model.hpp"

namespace vtvc::test {
namespace {

std::string deep(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Hostile, Configurations) {
    const Folder folder;
    const struct {
        const char* file;
        std::string text;
        const char* words;
    } refused[] = {
        {"config.json", "", "is not JSON (byte 1)"},
        {"config.json", "{", "is not JSON"},
        {"config.json", "[]", "is not a JSON object"},
        {"config.json", "3", "is not a JSON object"},
        {"config.json", R"({"a":1,"a":2})", "key twice"},
        {"config.json", R"({"a":)" + deep(100'000) + "}", "nested deeper than 64"},
        {"config.json", R"({"a":1e999})", "number too large"},
        {"config.json", R"({"hidden_act":"tanh"})", "its activation 'tanh'"},
        {"config.json", std::string((16 << 20) + 1, ' '), "at most"},
        {"open_clip_config.json", R"({"model_cfg":{},"preprocess_cfg":{"mean":[1,"a"]}})",
         "'mean' should be a list of numbers"},
        {"open_clip_config.json", R"({"preprocess_cfg":{"std":3}})", "'std' should be"},
        {"preprocessor_config.json", R"({"image_mean":[]})", "'image_mean' should be"},
        {"preprocessor_config.json", R"({"image_std":{"a":1}})", "'image_std' should be"},
        {"preprocessor_config.json", R"({"image_mean":null})", "'image_mean' should be"},
    };
    for (const auto& one : refused) {
        SCOPED_TRACE(std::string(one.file) + " " + one.text.substr(0, 40));
        put_bytes(folder / one.file, one.text);
        expect_refused([&] { (void)read_hints(folder / "model.safetensors"); }, {one.file, one.words});
        std::filesystem::remove(folder / one.file);
    }
    // Members of a type that they should not have say nothing, and end nothing.
    for (
        const auto* text :
        {R"({"model_type":3,"vision_config":[1],"num_attention_heads":"8","layer_norm_eps":"x","hidden_act":7})",
         R"({"vision_config":{"num_attention_heads":[]}})"}) {
        put_bytes(folder / "config.json", text);
        EXPECT_FALSE(read_hints(folder / "model.safetensors").heads);
    }
    std::filesystem::remove(folder / "config.json");
    for (const auto* text : {R"({"model_cfg":3,"preprocess_cfg":[2]})",
                             R"({"model_cfg":{"vision_cfg":7,"quick_gelu":"yes"}})"}) {
        put_bytes(folder / "open_clip_config.json", text);
        EXPECT_EQ(read_hints(folder / "model.safetensors").activation, Activation::gelu);
    }
}

std::string fault_of(const std::string& expression) {
    try {
        (void)compile_expression(expression);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(Hostile, Expressions) {
    for (const auto* good : {"", "a|b", R"(^net\.(\d+)\.fc$)", "[[:alpha:]]{1,9}", "(a+)+$"})
        EXPECT_EQ(fault_of(good), "") << good;
    EXPECT_EQ(fault_of(std::string(513, 'a')), "it has 513 bytes, 512 at most are read");
    EXPECT_EQ(fault_of(std::string(100'000, '(')), "it has 100000 bytes, 512 at most are read");
    for (const auto* long_ones : {"(a?){99999}", "((a{99}){99})", "a{2,}b{1,9999999999999999999999}"})
        EXPECT_EQ(fault_of(long_ones), "its repetitions make it longer than 2048 bytes") << long_ones;
    EXPECT_NE(fault_of("("), "");
    EXPECT_NE(fault_of(R"((a)\1)"), "");  // what matching would take exponential time for
    // The library's usual matcher would try 2^400 ways.
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(std::regex_match(std::string(400, 'a') + "b", compile_expression("(a+)+")));
    EXPECT_FALSE(std::regex_search(std::string(400, 'a') + "b", compile_expression("((a|a)*)*$x")));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

struct AdapterFolder : testing::Test {
    Folder folder;
    std::vector<Block> blocks = [] {
        ModelKeys keys;
        keys.image = 8;
        keys.patch = 4;
        keys.width = 8;
        keys.mlp = 16;
        keys.output = 6;
        keys.depth = 2;
        return model_blocks(keys);
    }();
    std::vector<ForeignTensor> plain{tensor("model.encoder.layers.1.self_attn.q_proj.lora_A.weight", {2, 8}),
                                     tensor("model.encoder.layers.1.self_attn.q_proj.lora_B.weight", {8, 2})};
    Adapter open(const std::string& config, const std::vector<ForeignTensor>& list, float change = 0) const {
        put_bytes(folder / "adapter_config.json", config);
        write_checkpoint(folder / "adapter_model.safetensors", list, change);
        return Adapter::open(folder / "", {}, blocks);
    }
    void refuses(const std::string& config, const std::vector<ForeignTensor>& list,
                 const std::string& words) const {
        expect_refused([&] { (void)open(config, list); }, {"vtvc-test-", words});
    }
};

TEST_F(AdapterFolder, ConfigurationsAreRefused) {
    const std::string alpha = R"({"lora_alpha":2)";
    EXPECT_EQ(open(alpha + "}", plain).pairs(), 1U);
    for (const auto& [config, words] : std::vector<std::pair<std::string, std::string>>{
             {"", "is not JSON"},
             {"[]", "is not a JSON object"},
             {R"({"x":)" + deep(100'000) + "}", "nested deeper"},
             {"{}", "no number 'lora_alpha'"},
             {R"({"lora_alpha":"2"})", "no number 'lora_alpha'"},
             {R"({"lora_alpha":2,"peft_type":"IA3"})", "of type \"IA3\""},
             {R"({"lora_alpha":2,"peft_type":[1]})", "of type [1]"},
             {R"({"lora_alpha":2,"use_dora":true})", "use_dora"},
             {alpha + R"(,"alpha_pattern":{"(":1}})", "'(' in alpha_pattern is no regular expression"},
             {alpha + R"(,"alpha_pattern":{")" + std::string(600, 'a') + "\":1}}", "512 at most"},
             {alpha + R"(,"alpha_pattern":{"(a?){99999}":1}})", "repetitions"}})
        refuses(config, plain, words);
    std::string many = alpha + R"(,"alpha_pattern":{"a0":1)";
    for (int i = 1; i <= 1000; ++i) many += fmt::format(R"(,"a{}":1)", i);
    refuses(many + "}}", plain, "1001 expressions");
    // Patterns of another type are none; one that would match forever does not.
    EXPECT_EQ(open(alpha + R"(,"alpha_pattern":[1]})", plain).pairs(), 1U);
    EXPECT_EQ(open(alpha + R"(,"alpha_pattern":{"((.*)*)*x":4}})", plain).pairs(), 1U);
}

TEST_F(AdapterFolder, FactorsThatDoNotFitAreRefused) {
    const std::string config = R"({"lora_alpha":2})";
    const auto q = std::string("model.encoder.layers.1.self_attn.q_proj.");
    refuses(config, {tensor("ln.weight", {8})}, "holds no factors");
    refuses(config, {plain[0]}, "only one of lora_A and lora_B");
    refuses(config, {tensor(q + "lora_A.weight", {2, 7}), plain[1]}, "do not make the 8 × 8");
    refuses(config, {tensor(q + "lora_A.weight", {2, 8}), tensor(q + "lora_B.weight", {8, 3})},
            "do not make");
    refuses(config, {tensor(q + "lora_A.weight", {0, 8}), tensor(q + "lora_B.weight", {8, 0})},
            "do not make");
    refuses(config, {tensor(q + "lora_A.weight", {8}), plain[1]}, "do not make");
    refuses(config, {tensor(q + "lora_A.weight", {}), tensor(q + "lora_B.weight", {})}, "do not make");
    refuses(config, {tensor(q + "lora_A.weight", {2, 8}, ForeignType::i64), plain[1]},
            "not floating numbers");
    refuses(config, {plain[0], plain[1], tensor(q + "lora_magnitude_vector", {8})},
            "is no factor of plain LoRA");
    refuses(config, {tensor("x.y.lora_A.weight", {2, 8}), tensor("x.y.lora_B.weight", {8, 2})},
            "no layout knows");
    refuses(config,
            {tensor("model.encoder.layers.7.self_attn.q_proj.lora_A.weight", {2, 8}),
             tensor("model.encoder.layers.7.self_attn.q_proj.lora_B.weight", {8, 2})},
            "which the base does not have");
    const auto spoilt = open(config, plain, std::nanf(""));
    expect_refused(
        [&] {
            (void)spoilt.factors(blocks.at(16));
            (void)spoilt.content_hash();
        },
        {"has nan at element 0"});
}

TEST_F(AdapterFolder, AProjectionGivenAsAVectorIsRefused) {
    // It is kept transposed: a second dimension was read that is not there.
    auto list = plain;
    list.push_back(tensor("model.visual_projection.weight", {48}));
    const auto adapter = open(R"({"lora_alpha":2})", list);
    ASSERT_TRUE(adapter.replaces("proj"));
    std::vector<float> values(48);
    expect_refused(
        [&] {
            adapter.replace({"proj", {8, 6}}, values);
        },
        {"visual_projection", "[48]", "does not fit"});
}

TEST(Hostile, NetworksWithoutNumbers) {
    const Folder folder;
    auto list = open_clip_list("");
    for (auto& one : list)
        if (one.name == "ln_post.weight") one.shape = {0, 8};
    write_checkpoint(folder / "x.safetensors", list);
    expect_refused([&] { (void)ForeignNetwork::open(folder / "x.safetensors", {}); },
                   {"'ln_post.weight'", "holds no numbers"});
}

TEST(Hostile, OriginsInOurFiles) {
    const auto refuses = [](const std::string& text, const std::string& words) {
        expect_refused([&] { (void)origin_from_json(text, "x.h5"); }, {"x.h5", words});
    };
    const auto one = [](const std::string& entry, const std::string& more = "") {
        return R"({"layout":"a","tensors":[{)" + entry + "}]" + more + "}";
    };
    const std::string good = R"("name":"w","type":"f32","shape":[2],"block":"w")";
    EXPECT_EQ(origin_from_json(one(good), "x").tensors.size(), 1U);
    refuses("{", "cannot be read");
    refuses("[]", "cannot be read");
    refuses(R"({"layout":3,"tensors":[]})", "cannot be read");
    refuses(one(R"("name":"w")"), "cannot be read");
    refuses(one(R"("name":"w","type":"i8","shape":[2],"block":"w")"), "type 'i8'");
    refuses(one(good + R"(,"part":"half")"), "part 'half'");
    refuses(one(good + R"(,"transposed":true)"), "the shape [2]");
    refuses(one(R"("name":"w","type":"f32","shape":[-2],"block":"w")"), "the shape [-2]");
    refuses(one(R"("name":"w","type":"f32","shape":[2000000000,2000000000,2000000000],"block":"w")"),
            "the shape");
    refuses(one(good, R"(,"config":"{")"), "is not JSON");
    refuses(one(good, R"(,"config":")" + deep(100) + "\""), "nested deeper");
}

TEST(Hostile, MethodsInOurFiles) {
    const Folder folder;
    BankWriter writer(folder / "bank.h5", {"base", "{}", "{}", {{"w", {2}}}, {{"one", "", {}}}});
    writer.put_base(0, std::vector<float>{1, 2});
    writer.put_task(0, 0, std::vector<float>{1, 2});
    writer.finish();
    const auto bank = Bank::open(folder / "bank.h5");
    const auto refuses = [&](const std::string& more, const std::vector<std::int64_t>& shape,
                             const std::string& words) {
        TensorFile file;
        file.kind = "method";
        file.meta = R"({"family":"fixed","method":"atlas","bank_hash":")" + bank.hash() + "\"" + more + "}";
        file.tensors["z"] =
            HostTensor::of<float>(shape, std::vector<float>(static_cast<std::size_t>(shape[0]), 1));
        file.write(folder / "method.h5");
        expect_refused([&] { (void)method_coefficients(bank, folder / "method.h5", "b"); },
                       {"method.h5", words});
    };
    const std::string rest = R"(,"partition":"model","task_names":["one"])";
    refuses(rest, {0, 1, 1}, "no matrix");  // divided by their number
    refuses(rest + R"(,"datasets":[{"name":"a"},{"name":"x"},{"name":"b"}])", {2, 1, 1},
            "2 matrices of coefficients for 3");
    refuses(R"(,"partition":3,"task_names":["one"])", {1, 1, 1}, "cannot be read");
    refuses(R"(,"partition":"model","task_names":["one","two"])", {1, 1, 1}, "1 coefficients for 2 tasks");
    refuses(R"(,"partition":"model","task_names":["two"])", {1, 1, 1}, "no task 'two'");
    refuses(R"(,"partition":"half","task_names":["one"])", {1, 1, 1}, "unknown partition");

    auto predictions = small_predictions();
    predictions.meta = R"({"partition":3})";  // a type that JSON's reader would throw at
    write_predictions(folder / "predictions.h5", predictions);
    expect_refused([&] { (void)sample_coefficients(bank, folder / "predictions.h5", "", 7); },
                   {"unknown partition"});
}

TEST(Hostile, ABaseWhoseHashIsANumber) {
    const Folder folder;
    auto base = small_model();
    base.meta = R"({"model":{"kind":"vit"},"base_hash":7})";
    base.write(folder / "base.h5");
    BankImport what;
    what.base = folder / "base.h5";
    what.out = folder / "bank.h5";
    what.tasks = {{"x", folder / "none.safetensors"}};
    expect_refused([&] { (void)import_bank(what); }, {"model's configuration cannot be read"});
}

}  // namespace
}  // namespace vtvc::test
