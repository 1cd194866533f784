// docs/clip.md from checkpoints to the table: networks of another project's files (here open_clip's names)
// become base, bank and heads, and the posterior trained on them is, bit for bit, the one trained on our own
// files.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/storage/head.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "world.hpp"

namespace vtvc::testing {
namespace {

std::string vtvc(const std::string& arguments) {
    const Outcome outcome =
        shell(fmt::format("cd {} && {}/vtvc {}", world().file("").string(), VTVC_BIN_DIR, arguments));
    EXPECT_EQ(outcome.code, 0) << arguments << '\n' << outcome.text;
    return outcome.text;
}

/// Class embeddings as Python writes them: a length, a header, the numbers.
void write_embeddings(const std::filesystem::path& path, const HeadContents& head) {
    const auto bytes = 4 * head.weight.size();
    const std::string header =
        nlohmann::json{
            {"text_embeds",
             {{"dtype", "F32"}, {"shape", {head.classes, head.width}}, {"data_offsets", {0, bytes}}}},
            {"scale", {{"dtype", "F32"}, {"shape", {1}}, {"data_offsets", {bytes, bytes + 4}}}}}
            .dump();
    const std::uint64_t length = header.size();
    const auto scale = static_cast<float>(head.scale);
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), 8);
    out.write(header.data(), static_cast<std::streamsize>(length));
    out.write(reinterpret_cast<const char*>(head.weight.data()), static_cast<std::streamsize>(bytes));
    out.write(reinterpret_cast<const char*>(&scale), 4);
}

TEST(Clip, ForeignCheckpointsAreACompleteExperiment) {
    const std::string runs = world().file("runs").string();
    vtvc("export model runs/pretrain/model.h5 --out zeroshot.safetensors");
    for (const std::string task : {"one", "two"}) {
        vtvc(fmt::format("export model runs/finetune-{0}/model.h5 --out {0}.safetensors", task));
        write_embeddings(world().file(task + "-text.safetensors"),
                         read_head(world().result("head-" + task, "head.h5")));
    }
    EXPECT_NE(vtvc("inspect zeroshot.safetensors").find("open_clip"), std::string::npos);
    vtvc(
        "model import zeroshot.safetensors --heads 2 --activation quick_gelu --pixel-mean .25 --pixel-sd .35 "
        "--out clip-base.h5");
    const auto report = nlohmann::json::parse(
        vtvc("bank import --base clip-base.h5 --task one=one.safetensors --task two=two.safetensors --out "
             "clip-bank.h5 --json"));
    for (const auto& [name, task] : report["tasks"].items()) EXPECT_EQ(task["warnings"].size(), 0U) << name;
    std::string rows;
    for (const std::string task : {"one", "two"}) {
        vtvc(
            fmt::format("head import {0}-text.safetensors --base clip-base.h5 --out clip-head-{0}.h5", task));
        world().write_job("clip-features-" + task,
                          fmt::format("[job]\nkind = \"features\"\n[input]\nmodel = \"clip-base.h5\"\ndata = "
                                      "\"{}.h5\"\n",
                                      task));
        const Outcome features = world().run("clip-features-" + task);
        ASSERT_EQ(features.code, 0) << features.text;
        rows += fmt::format(
            "[[task]]\nname = \"{0}\"\ndata = \"{0}.h5\"\nfeatures = \"runs/clip-features-{0}/features.h5\"\n"
            "head = \"clip-head-{0}.h5\"\n",
            task);
    }
    const std::string training = R"([compose]
protocol = "addition_blind"
[posterior]
hidden = [16]
[train]
steps = 10
batch = 50
warmup = 2
)";
    world().write_job("clip-posterior",
                      "[job]\nkind = \"posterior\"\n[input]\nbank = \"clip-bank.h5\"\n" + training + rows);
    world().write_job("own-posterior",
                      "include = [\"tasks.toml\"]\n[job]\nkind = \"posterior\"\n[input]\nbank = "
                      "\"runs/bank/bank.h5\"\n" +
                          training);
    for (const char* name : {"clip-posterior", "own-posterior"}) {
        const Outcome outcome = world().run(name);
        ASSERT_EQ(outcome.code, 0) << outcome.text;
    }
    EXPECT_EQ(method_digest(world().result("clip-posterior", "method.h5")),
              method_digest(world().result("own-posterior", "method.h5")));
    world().write_job("clip-evaluate",
                      "[job]\nkind = \"evaluate\"\n[input]\nbank = \"clip-bank.h5\"\nmethod = "
                      "\"runs/clip-posterior/method.h5\"\n" +
                          rows);
    const Outcome evaluated = world().run("clip-evaluate");
    ASSERT_EQ(evaluated.code, 0) << evaluated.text;
    vtvc("report runs/clip-evaluate --out clip-report");
    EXPECT_TRUE(std::filesystem::exists(world().file("clip-report")));

    // One sample's network leaves as a checkpoint again.
    vtvc(
        "export merged clip-bank.h5 --predictions runs/clip-evaluate/predictions.h5 --sample 150 --out "
        "sample.safetensors");
    EXPECT_NE(vtvc("inspect sample.safetensors").find("open_clip"), std::string::npos);
    vtvc("export posterior runs/clip-posterior/method.h5 --out posterior.safetensors");
}

}  // namespace
}  // namespace vtvc::testing
