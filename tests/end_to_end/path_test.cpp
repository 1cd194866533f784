// The whole path through the real programs: results, ranks, stops, evaluation.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "world.hpp"

namespace vtvc::testing {
namespace {

std::vector<double> losses(const std::vector<std::string>& lines) {
    std::vector<double> values;
    for (const std::string& line : lines) {
        const auto json = nlohmann::json::parse(line);
        if (json.contains("loss")) values.push_back(json["loss"]);
    }
    return values;
}

nlohmann::json last_validation(const std::vector<std::string>& lines) {
    nlohmann::json last;
    for (const std::string& line : lines) {
        const auto json = nlohmann::json::parse(line);
        if (json.contains("validation")) last = json["validation"];
    }
    return last;
}

Outcome train(const std::string& name, int ranks, const std::vector<std::string>& sets = {}) {
    return run_apart("posterior", name, ranks, sets);
}

/// status.json of the only run in the store of train(name).
nlohmann::json only_status(const std::string& name) {
    std::vector<std::filesystem::path> runs;
    for (const auto& entry : std::filesystem::directory_iterator(world().file("store-" + name) / "runs"))
        runs.push_back(entry.path());
    EXPECT_EQ(runs.size(), 1u);
    return nlohmann::json::parse(std::ifstream(runs.at(0) / "status.json"));
}

TEST(Path, PosteriorEvaluatePredictRunAndAreNotDoneTwice) {
    ASSERT_EQ(world().run("posterior", 2).code, 0);
    const Outcome evaluated = world().run("evaluate", 2);
    ASSERT_EQ(evaluated.code, 0) << evaluated.text;
    const Outcome predicted = world().run("predict", 2);
    ASSERT_EQ(predicted.code, 0) << predicted.text;
    EXPECT_TRUE(std::filesystem::exists(world().result("predict", "predictions.csv")));
    for (const char* name :
         {"job.toml", "resolved.toml", "status.json", "provenance.json", "DONE", "metrics.jsonl"}) {
        EXPECT_TRUE(std::filesystem::exists(world().result("posterior", name))) << name;
    }
    const auto before = std::filesystem::last_write_time(world().result("posterior", "method.h5"));
    const Outcome again = world().run("posterior", 1);
    EXPECT_EQ(again.code, 0);
    EXPECT_NE(again.text.find("done already"), std::string::npos) << again.text;
    EXPECT_EQ(before, std::filesystem::last_write_time(world().result("posterior", "method.h5")));
}

TEST(Path, PredictSaysWhatEvaluateSaysForTheSameImages) {
    world().run("posterior", 2);
    world().run("evaluate", 2);
    world().run("predict", 1);
    const PredictionsContents evaluated = read_predictions(world().result("evaluate", "predictions.h5"));
    const PredictionsContents predicted = read_predictions(world().result("predict", "predictions.h5"));
    int compared = 0;
    for (const PredictionSet& set : evaluated.sets) {
        for (const PredictionSet& other : predicted.sets) {
            if (set.dataset != other.dataset || set.mode != other.mode) continue;
            EXPECT_EQ(set.ids, other.ids);
            for (std::size_t i = 0; i < set.probabilities.size(); ++i) {
                ASSERT_EQ(set.probabilities[i], other.probabilities[i])
                    << set.mode;  // features came from a file there
            }
            EXPECT_TRUE(other.labels.empty());
            ++compared;
        }
    }
    EXPECT_EQ(compared, 3);
}

TEST(Path, EpistemicEntropyIsNotNegative) {
    world().run("posterior", 2);
    world().run("evaluate", 2);
    const PredictionsContents contents = read_predictions(world().result("evaluate", "predictions.h5"));
    int seen = 0;
    for (const PredictionSet& set : contents.sets) {
        for (const float value : set.epistemic) {
            EXPECT_GE(value, -1e-6F);  // an entropy of a mean less a mean of entropies, rounded in float
            ++seen;
        }
    }
    EXPECT_GT(seen, 0);
}

TEST(Path, EvaluationDependsNeitherOnRanksNorOnHowManyRowsAreAsked) {
    world().run("posterior", 2);
    ASSERT_EQ(world().run("evaluate", 1).code, 0);
    const PredictionsContents whole = read_predictions(world().result("evaluate", "predictions.h5"));
    std::filesystem::copy_file(world().file("evaluate.toml"), world().file("evaluate-few.toml"),
                               std::filesystem::copy_options::overwrite_existing);
    ASSERT_EQ(world().run("evaluate-few", 3, {"rows.test=7"}).code, 0);
    const PredictionsContents few = read_predictions(world().result("evaluate-few", "predictions.h5"));
    ASSERT_EQ(whole.sets.size(), few.sets.size());
    for (std::size_t s = 0; s < few.sets.size(); ++s) {
        if (few.sets[s].mode == "averaged" || few.sets[s].mode == "shuffled")
            continue;  // they look at the whole set
        for (std::size_t i = 0; i < few.sets[s].probabilities.size(); ++i) {
            ASSERT_EQ(few.sets[s].probabilities[i], whole.sets[s].probabilities[i]) << few.sets[s].mode;
        }
    }
}

/// A content hash is over the checksums of every dataset in a file.
TEST(Path, OneTwoAndFourRanksWriteEqualBytesOfData) {
    ASSERT_EQ(world().run("posterior", 2).code, 0);
    const std::vector<std::pair<std::string, std::string>> files{{"features-one", "features.h5"},
                                                                 {"features-two", "features.h5"},
                                                                 {"head-one", "head.h5"},
                                                                 {"bank", "bank.h5"},
                                                                 {"evaluate", "predictions.h5"}};
    std::set<std::string> kinds;
    for (const auto& [job, file] : files) {
        std::set<std::string> hashes;
        for (const int ranks : {1, 2, 4}) {
            const auto name = job + "-by" + std::to_string(ranks);
            const Outcome outcome = run_apart(job, name, ranks);
            ASSERT_EQ(outcome.code, 0) << outcome.text;
            hashes.insert(content_hash_of(world().result(name, file).string()));
        }
        EXPECT_EQ(hashes.size(), 1U) << job;
        kinds.insert(hashes.begin(), hashes.end());
    }
    EXPECT_EQ(kinds.size(), files.size());  // different contents have different hashes
}

TEST(Path, ABankJobStoresAsTheVerbDoes) {
    (void)world();
    for (const auto& [store, sets] : std::map<std::string, std::vector<std::string>>{
             {"bf16", {"bank.store=bf16"}},
             {"int8", {"bank.store=int8"}},
             {"lowrank --rank 2", {"bank.store=lowrank", "bank.rank=2"}}}) {
        const auto name = "bank-" + store.substr(0, 4);
        const Outcome outcome = run_apart("bank", name, 1, sets);
        ASSERT_EQ(outcome.code, 0) << outcome.text;
        const auto made = world().file(name + ".h5").string();
        const Outcome built = shell(fmt::format(
            "cd {} && {}/vtvc bank build --base runs/pretrain/model.h5 --task one=runs/finetune-one/model.h5 "
            "--task two=runs/finetune-two/model.h5 --store {} -o {}",
            world().file("").string(), VTVC_BIN_DIR, store, made));
        ASSERT_EQ(built.code, 0) << built.text;
        EXPECT_EQ(content_hash_of(world().result(name, "bank.h5").string()), content_hash_of(made)) << store;
        EXPECT_NE(content_hash_of(made), content_hash_of(world().result("bank", "bank.h5").string()))
            << store;
    }
}

TEST(Path, AnyNumberOfRanksGivesTheSameCurveAndMetrics) {
    ASSERT_EQ(train("ranks1", 1).code, 0);
    const std::vector<double> one = losses(world().metrics("ranks1"));
    ASSERT_EQ(one.size(), 40u);
    const auto validation = last_validation(world().metrics("ranks1"));
    for (int ranks = 2; ranks <= 4; ++ranks) {
        const std::string name = "ranks" + std::to_string(ranks);
        ASSERT_EQ(train(name, ranks).code, 0);
        const std::vector<double> many = losses(world().metrics(name));
        ASSERT_EQ(many.size(), one.size());
        // Sums are taken in another order (1e-7 a step) and AdamW divides by the root of small second
        // moments.
        for (std::size_t i = 0; i < one.size(); ++i)
            EXPECT_NEAR(many[i], one[i], 2e-4 * std::abs(one[i])) << name << " step " << i;
        const auto other = last_validation(world().metrics(name));
        EXPECT_NEAR(other["nll"].get<double>(), validation["nll"].get<double>(), 1e-3);
        EXPECT_NEAR(other["accuracy"].get<double>(), validation["accuracy"].get<double>(),
                    .02);  // one row of 60
    }
}

TEST(Path, TheSameRanksTwiceAreBitEqual) {
    ASSERT_EQ(train("twice-a", 3).code, 0);
    ASSERT_EQ(train("twice-b", 3).code, 0);
    EXPECT_EQ(method_digest(world().result("twice-a", "method.h5")),
              method_digest(world().result("twice-b", "method.h5")));
}

TEST(Path, StoppedAndResumedEqualsUndisturbedBitForBit) {
    ASSERT_EQ(train("whole", 2).code, 0);
    const Outcome stopped = train("parts", 2, {"job.stop_at=20"});
    EXPECT_EQ(stopped.code, 75) << stopped.text;
    EXPECT_EQ(only_status("parts").at("state"), "CHECKPOINTED");
    EXPECT_EQ(only_status("parts").at("step"), 20);
    EXPECT_FALSE(std::filesystem::exists(world().file("runs/parts")));
    ASSERT_EQ(train("parts", 2).code, 0);
    EXPECT_EQ(method_digest(world().result("whole", "method.h5")),
              method_digest(world().result("parts", "method.h5")));
    EXPECT_EQ(world().metrics("whole"), world().metrics("parts"));
}

TEST(Path, TrainsWithDropoutAndValidatesWithoutIt) {
    const Outcome outcome = train("dropped", 2, {"posterior.dropout=0.3", "train.validate_every=15"});
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const Outcome judged =
        run_apart("evaluate", "evaluate-dropped", 1, {"input.method=runs/dropped/method.h5"});
    EXPECT_EQ(judged.code, 0) << judged.text;
}

TEST(Path, ALearningRateThatDestroysTheNumbersIsStoppedWithStepAndRank) {
    const Outcome outcome = train("wild", 2, {"train.lr=1e30", "train.clip=0", "train.warmup=0"});
    EXPECT_EQ(outcome.code, 1) << outcome.text;
    EXPECT_NE(outcome.text.find("is not a number"), std::string::npos) << outcome.text;
    EXPECT_NE(outcome.text.find("rank"), std::string::npos);
    EXPECT_NE(outcome.text.find("gradient of "), std::string::npos) << outcome.text;

    // The run says where it stood, and the last good checkpoint stays.
    const auto status = only_status("wild");
    EXPECT_EQ(status.at("state"), "FAILED");
    EXPECT_EQ(status.at("steps"), 40);
    const auto step = status.at("step").get<int>();
    EXPECT_GT(step, 0);
    EXPECT_NE(outcome.text.find("step " + std::to_string(step) + ":"), std::string::npos) << outcome.text;
}

/// Processes named vtvc-worker whose working folder is the world's.
std::vector<pid_t> workers() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::error_code gone;
        const auto exe = std::filesystem::read_symlink(entry.path() / "exe", gone);
        const auto folder = std::filesystem::read_symlink(entry.path() / "cwd", gone);
        if (exe.filename() == "vtvc-worker" && folder == std::filesystem::canonical(world().file("."))) {
            found.push_back(static_cast<pid_t>(std::stol(name)));
        }
    }
    return found;
}

/// The ranks of the job that has just been started, once they are so many.
std::vector<pid_t> ranks_at_work(std::size_t count) {
    const auto start = std::chrono::steady_clock::now();
    while (workers().size() < count && std::chrono::steady_clock::now() - start < std::chrono::seconds(30))
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::this_thread::sleep_for(std::chrono::seconds(2));  // into the training
    return workers();
}

TEST(Path, AKilledRankEndsTheJobWithinFiveSecondsAndLeavesNothingHalfWritten) {
    using Clock = std::chrono::steady_clock;
    std::filesystem::copy_file(world().file("posterior.toml"), world().file("killed.toml"),
                               std::filesystem::copy_options::overwrite_existing);
    auto job = std::async(std::launch::async, [] {
        return world().run("killed", 3, {"train.steps=1000000", "job.seed=9"});
    });
    const std::vector<pid_t> ranks = ranks_at_work(3);
    ASSERT_EQ(ranks.size(), 3u);
    const auto before = Clock::now();
    ::kill(ranks.back(), SIGKILL);
    const Outcome outcome = job.get();
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - before).count(), 5.0);
    EXPECT_NE(outcome.code, 0) << outcome.text;
    EXPECT_TRUE(workers().empty());
    EXPECT_FALSE(std::filesystem::exists(world().file("runs/killed")));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world().file("store"))) {
        if (entry.path().filename() == "method.h5") {
            EXPECT_NO_THROW(method_digest(entry.path()));  // whatever stands under the final name is whole
        }
    }
}

TEST(Path, ARunWhoseRanksWereKilledSaysFailedAndWhy) {
    auto job = std::async(std::launch::async, [] {
        return shell(
            fmt::format("cd {} && {}/vtvc run posterior.toml -n 2 --store store-left "
                        "--set train.steps=1000000",
                        world().file(".").string(), VTVC_BIN_DIR));
    });
    const std::vector<pid_t> ranks = ranks_at_work(2);
    ASSERT_EQ(ranks.size(), 2u);
    for (const pid_t rank : ranks) ::kill(rank, SIGKILL);  // nobody is left to write anything
    const Outcome outcome = job.get();
    EXPECT_NE(outcome.code, 0) << outcome.text;
    const auto status = only_status("left");
    EXPECT_EQ(status.at("state"), "FAILED");
    EXPECT_NE(status.at("message").get<std::string>().find("killed by signal 9"), std::string::npos)
        << status.at("message");
}

}  // namespace
}  // namespace vtvc::testing
