// Training on the tangent through the real programs: the Jacobian's file, what is trained on it, when
// training becomes exact, ranks, stops, and files that do not belong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "vtvc/storage/jacobian.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "world.hpp"

namespace vtvc::testing {
namespace {

using Sets = std::vector<std::string>;

/// The world with the Jacobians of both data sets and a posterior that reads them.
SmallWorld& with_jacobians() {
    static const bool made = [] {
        for (const std::string task : {"one", "two"}) {
            world().write_job(
                "jacobian-" + task,
                fmt::format("[job]\nkind = \"jacobian\"\n[input]\nbank = \"runs/bank/bank.h5\"\n"
                            "data = \"{0}.h5\"\nhead = \"runs/head-{0}/head.h5\"\n",
                            task));
            const Outcome outcome = world().run("jacobian-" + task, 2);
            EXPECT_EQ(outcome.code, 0) << outcome.text;
            // Size and price come before the work.
            for (const char* words : {"120 + 30 rows", "MB", "backward mode", "passes", "about"})
                EXPECT_NE(outcome.text.find(words), std::string::npos) << words << "\n" << outcome.text;
        }
        std::ifstream in(world().file("posterior.toml"));
        std::string toml{std::istreambuf_iterator<char>(in), {}};
        world().write_job("tangent", toml);
        return true;
    }();
    EXPECT_TRUE(made);
    return world();
}

Sets on(const std::string& fidelity, Sets more = {}) {
    more.insert(more.end(),
                {"posterior.fidelity=" + fidelity, "task.0.jacobian=runs/jacobian-one/jacobian.h5",
                 "task.1.jacobian=runs/jacobian-two/jacobian.h5"});
    return more;
}

Outcome train(const std::string& name, int ranks, const Sets& sets) {
    (void)with_jacobians();
    return run_apart("tangent", name, ranks, sets);
}

std::string digest(const std::string& name) { return method_digest(world().result(name, "method.h5")); }

nlohmann::json result_of(const std::string& name) {
    return nlohmann::json::parse(std::ifstream(world().result(name, "result.json")));
}

TEST(Tangent, OneTwoAndFourRanksWriteTheSameJacobian) {
    (void)with_jacobians();
    std::set<std::string> hashes{content_hash_of(world().result("jacobian-one", "jacobian.h5").string())};
    for (const int ranks : {1, 4}) {
        const auto name = "jacobian-by" + std::to_string(ranks);
        const Outcome outcome = run_apart("jacobian-one", name, ranks);
        ASSERT_EQ(outcome.code, 0) << outcome.text;
        hashes.insert(content_hash_of(world().result(name, "jacobian.h5").string()));
    }
    EXPECT_EQ(hashes.size(), 1U);
    const Outcome again = world().run("jacobian-one", 1);
    EXPECT_NE(again.text.find("done already"), std::string::npos) << again.text;
}

TEST(Tangent, ForwardModeWritesWhatBackwardModeDoes) {
    (void)with_jacobians();
    std::vector<std::vector<float>> values;
    for (const std::string mode : {"auto", "backward"}) {
        const auto name = "jacobian-" + mode;
        const Outcome outcome =
            run_apart("jacobian-one", name, 2, {"compose.partition=model", "jacobian.mode=" + mode});
        ASSERT_EQ(outcome.code, 0) << outcome.text;
        // Two task vectors and one coefficient each, three classes.
        EXPECT_EQ(outcome.text.find("forward mode, 2 passes") != std::string::npos, mode == "auto")
            << outcome.text;
        const Jacobian file = Jacobian::open(world().result(name, "jacobian.h5"));
        EXPECT_EQ(file.about().coefficients(), 1);
        values.push_back(file.floats(file.read(Split::train)));
    }
    ASSERT_EQ(values[0].size(), 120U * 3 * 2);
    float largest = 0;
    for (const float x : values[1]) largest = std::max(largest, std::abs(x));
    for (std::size_t i = 0; i < values[0].size(); ++i)
        ASSERT_NEAR(values[0][i], values[1][i], 2e-5F * largest) << i;
}

TEST(Tangent, TrainsOnTheFilesAloneAndTellsHowFarItIsFromTheNetwork) {
    for (const std::string store : {"f32", "bf16", "int8"}) {
        Sets sets = on("tangent");
        if (store != "f32") {
            for (const std::string task : {"one", "two"})
                ASSERT_EQ(run_apart("jacobian-" + task, store + task, 2, {"jacobian.store=" + store}).code,
                          0);
            sets = {"posterior.fidelity=tangent", "task.0.jacobian=runs/" + store + "one/jacobian.h5",
                    "task.1.jacobian=runs/" + store + "two/jacobian.h5"};
        }
        const Outcome outcome = train("tangent-" + store, 2, sets);
        ASSERT_EQ(outcome.code, 0) << outcome.text;
        EXPECT_NE(outcome.text.find("the tangent's logits differ from the exact ones"), std::string::npos)
            << outcome.text;
        const auto told = result_of("tangent-" + store).at("tangent");
        EXPECT_EQ(told.at("rows"), 60);
        EXPECT_GT(told.at("mean").get<double>(), 0);
        EXPECT_GE(told.at("most").get<double>(), told.at("mean").get<double>());
        EXPECT_LT(told.at("relative").get<double>(), 1) << store;  // nearer than not moving at all
        EXPECT_GT(told.at("agreement").get<double>(), .5);
        for (const std::string& line : world().metrics("tangent-" + store)) {
            const auto json = nlohmann::json::parse(line);
            if (json.contains("loss")) {
                ASSERT_EQ(json.at("exact"), 0) << line;
            }
        }
    }
    EXPECT_NE(digest("tangent-f32"), digest("tangent-int8"));
}

TEST(Tangent, AutoBecomesExactAtTheStepThatItsShareSays) {
    ASSERT_EQ(train("auto", 2, on("auto", {"posterior.exact_share=0.3"})).code, 0);
    int steps = 0, told = 0;
    for (const std::string& line : world().metrics("auto")) {
        const auto json = nlohmann::json::parse(line);
        if (json.contains("loss")) {
            const int step = json.at("step");
            EXPECT_EQ(json.at("exact"), step < 28 ? 0 : 1) << line;
            ++steps;
        }
        if (json.contains("tangent")) {
            EXPECT_EQ(json.at("step"), 28);
            ++told;
        }
    }
    EXPECT_EQ(steps, 40);
    EXPECT_EQ(told, 1);
    // Its ends are the other two fidelities, bit for bit.
    ASSERT_EQ(train("auto-all", 2, on("auto", {"posterior.exact_share=1"})).code, 0);
    ASSERT_EQ(train("exact", 2, {}).code, 0);
    EXPECT_EQ(digest("auto-all"), digest("exact"));
    ASSERT_EQ(train("auto-none", 2, on("auto", {"posterior.exact_share=0"})).code, 0);
    ASSERT_EQ(train("tangent-all", 2, on("tangent")).code, 0);
    EXPECT_EQ(digest("auto-none"), digest("tangent-all"));
    EXPECT_NE(digest("auto-none"), digest("exact"));
}

TEST(Tangent, StoppedOnEitherSideOfTheTurnAndResumedEqualsUndisturbedBitForBit) {
    const Sets sets = on("auto", {"posterior.exact_share=0.5"});
    ASSERT_EQ(train("auto-whole", 2, sets).code, 0);
    Sets first = sets, second = sets, third = sets;
    first.emplace_back("job.stop_at=13");
    second.emplace_back("job.stop_at=20");  // the turn itself
    third.emplace_back("job.stop_at=31");
    for (const Sets& part : {first, second, third}) EXPECT_EQ(train("auto-parts", 2, part).code, 75);
    ASSERT_EQ(train("auto-parts", 2, sets).code, 0);
    EXPECT_EQ(digest("auto-whole"), digest("auto-parts"));
    EXPECT_EQ(world().metrics("auto-whole"), world().metrics("auto-parts"));
}

TEST(Tangent, AnyNumberOfRanksGivesTheSameCurve) {
    std::vector<double> one;
    for (int ranks = 1; ranks <= 4; ++ranks) {
        const std::string name = "tangent-ranks" + std::to_string(ranks);
        ASSERT_EQ(train(name, ranks, on("tangent")).code, 0);
        std::vector<double> losses;
        for (const std::string& line : world().metrics(name)) {
            const auto json = nlohmann::json::parse(line);
            if (json.contains("loss")) losses.push_back(json.at("loss"));
        }
        ASSERT_EQ(losses.size(), 40U);
        if (ranks == 1) one = losses;
        // Sums are taken in another order (1e-7 a step) and AdamW divides by the root of small second
        // moments.
        for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(losses[i], one[i], 2e-4 * std::abs(one[i]));
        const auto told = result_of(name).at("tangent");
        EXPECT_NEAR(told.at("mean").get<double>(), result_of("tangent-ranks1").at("tangent").at("mean"),
                    1e-3);
    }
}

TEST(Tangent, IsEvaluatedExactly) {
    ASSERT_EQ(train("tangent-judged", 1, on("tangent")).code, 0);
    const Outcome outcome =
        run_apart("evaluate", "evaluate-tangent", 2, {"input.method=runs/tangent-judged/method.h5"});
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const Outcome asked =
        run_apart("evaluate", "evaluate-refused", 1, {"task.0.jacobian=runs/jacobian-one/jacobian.h5"});
    EXPECT_EQ(asked.code, 2);
    EXPECT_NE(asked.text.find("evaluation is always exact"), std::string::npos) << asked.text;
}

TEST(Tangent, StaleAndDamagedFilesAreRefused) {
    const auto refused = [](const char* why, Sets sets, const std::vector<std::string>& said) {
        SCOPED_TRACE(why);
        Sets all = on("tangent");
        all.insert(all.end(), sets.begin(), sets.end());
        const Outcome outcome = train("tangent-bad", 1, all);
        EXPECT_EQ(outcome.code, 1) << outcome.text;
        for (const std::string& words : said)
            EXPECT_NE(outcome.text.find(words), std::string::npos) << words << "\n" << outcome.text;
    };
    refused("of another data set", {"task.0.jacobian=runs/jacobian-two/jacobian.h5"},
            {"another data set", "compute the Jacobian again"});
    refused("of another partition", {"compose.partition=layer"}, {"another partition", "tensor", "layer"});
    refused("of other task vectors", {"compose.exclude=[\\\"two\\\"]"}, {"task vectors", "one, two"});
    ASSERT_EQ(run_apart("jacobian-one", "jacobian-few", 1, {"rows.count=50"}).code, 0);
    refused("of fewer rows", {"task.0.jacobian=runs/jacobian-few/jacobian.h5"},
            {"lacks 70 of the 120 training rows"});
    ASSERT_EQ(run_apart("bank", "bank-bf16", 1, {"bank.store=bf16"}).code, 0);
    refused("of another bank", {"input.bank=runs/bank-bf16/bank.h5"}, {"another bank"});
    std::filesystem::copy_file(world().result("jacobian-one", "jacobian.h5"), world().file("cut.h5"),
                               std::filesystem::copy_options::overwrite_existing);
    {
        std::fstream file(world().file("cut.h5"), std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(world().file("cut.h5")) / 2));
        file.put('\x5a').put('\x5a').put('\x5a');
    }
    refused("damaged", {"task.0.jacobian=cut.h5"}, {"cut.h5"});
    const Outcome verified =
        shell(fmt::format("{}/vtvc verify {}", VTVC_BIN_DIR, world().file("cut.h5").string()));
    EXPECT_NE(verified.code, 0);
    EXPECT_NE(verified.text.find("damaged"), std::string::npos) << verified.text;
}

TEST(GradientProducts, InBf16AreOthersThanInF32WhereTheProcessorHasThem) {
    ASSERT_EQ(train("products-f32", 1, {}).code, 0);
    const Outcome outcome = train("products-bf16", 1, {"train.gradient_products=bf16"});
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const bool without = outcome.text.find("no products in bf16") != std::string::npos;
    EXPECT_EQ(digest("products-bf16") == digest("products-f32"), without);
    const auto nll = [](const std::string& name) { return result_of(name).at("validation").at("nll"); };
    EXPECT_NEAR(nll("products-bf16").get<double>(), nll("products-f32").get<double>(), .05);
}

TEST(Tangent, InspectShowsAJacobian) {
    (void)with_jacobians();
    const Outcome outcome = shell(fmt::format("{}/vtvc inspect --json {}", VTVC_BIN_DIR,
                                              world().result("jacobian-one", "jacobian.h5").string()));
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const auto about = nlohmann::json::parse(outcome.text);
    EXPECT_EQ(about.at("kind"), "jacobian");
    EXPECT_EQ(about.at("rows").at("train"), 120);
    EXPECT_EQ(about.at("centre").at("least"), .5);  // 1/K
    EXPECT_EQ(about.at("store"), "f32");
}

TEST(Tangent, ExpandsAboutTheCoefficientsOfAMethod) {
    (void)with_jacobians();
    const auto baseline = [](const std::string& name, const std::string& method) {
        std::ifstream in(world().file("posterior.toml"));
        std::string toml{std::istreambuf_iterator<char>(in), {}};
        const std::string kind = "kind = \"posterior\"";
        toml.replace(toml.find(kind), kind.size(), "kind = \"baseline\"");
        world().write_job(name, toml + "[method]\nname = \"" + method + "\"\n");
        const Outcome outcome = world().run(name, 2);
        EXPECT_EQ(outcome.code, 0) << outcome.text;
    };
    baseline("fixed", "per_dataset");
    baseline("probe", "probe");
    ASSERT_EQ(run_apart("jacobian-two", "jacobian-at", 2, {"input.centre=runs/fixed/method.h5"}).code, 0);
    const Jacobian file = Jacobian::open(world().result("jacobian-at", "jacobian.h5"));
    const auto z = TensorFile::read(world().result("fixed", "method.h5"), "method").tensors.at("z");
    ASSERT_EQ(z.shape[0], 2);
    const auto values = z.as<float>().subspan(file.about().centre.size());  // of the second data set
    EXPECT_TRUE(std::equal(values.begin(), values.end(), file.about().centre.begin()));
    const Outcome unfit = run_apart("jacobian-two", "jacobian-no", 1, {"input.centre=runs/probe/method.h5"});
    EXPECT_EQ(unfit.code, 2);
    EXPECT_NE(unfit.text.find("family probe"), std::string::npos) << unfit.text;
}

}  // namespace
}  // namespace vtvc::testing
