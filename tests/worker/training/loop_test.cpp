// The loop on a small logistic regression: stop and resume, ranks, losses that are no numbers, the best kept.
// Run under mpirun with several rank counts; the fixture's folder is shared by the ranks.
#include "vtvc/training/loop.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

World* world = nullptr;
const std::atomic<bool> never{false};

/// 45 samples (an uneven last batch), 6 features, 3 classes.
struct Toy {
    static constexpr std::int64_t rows = 45, width = 6, classes = 3;
    at::Tensor x = torch::empty({rows, width}), y = torch::empty({rows}, at::kLong);
    at::Tensor weight = torch::zeros({classes, width}), bias = torch::zeros({classes});

    Toy() {
        Stream random(5, Purpose::initialise);
        for (std::int64_t i = 0; i < rows; ++i) {
            y[i] = static_cast<std::int64_t>(random.below(classes));
            for (std::int64_t d = 0; d < width; ++d)
                x[i][d] = random.normal() + (y[i].item<std::int64_t>() == d ? 1.5 : 0);
        }
        weight.set_requires_grad(true);
        bias.set_requires_grad(true);
    }
    LoopJob job(std::int64_t steps) {
        LoopJob loop;
        loop.train = {.steps = steps, .batch = 16, .warmup = 3, .lr = 5e-2, .weight_decay = .01, .clip = 1};
        loop.rows = rows;
        loop.groups = {{{{"weight", weight}}, 5e-2, .01}, {{{"bias", bias}}, 5e-2, 0}};
        loop.metrics = {"loss"};
        loop.gradients = [this](std::int64_t, std::span<const std::int64_t> mine,
                                std::int64_t global) -> std::vector<double> {
            if (mine.empty()) return {0};
            const at::Tensor index = torch::tensor(std::vector<std::int64_t>(mine.begin(), mine.end()));
            const at::Tensor logits = torch::matmul(x.index_select(0, index), weight.t()) + bias;
            const at::Tensor loss =
                -torch::log_softmax(logits, 1).gather(1, y.index_select(0, index).unsqueeze(1)).sum();
            (loss / static_cast<double>(global)).backward();
            return {loss.item<double>()};
        };
        loop.validate = [this](std::int64_t) -> std::map<std::string, double> {
            const at::Tensor logits = torch::matmul(x, weight.t()) + bias;
            return {{"accuracy", (logits.argmax(1) == y).to(at::kDouble).mean().item<double>()},
                    {"nll", torch::nn::functional::cross_entropy(logits, y).item<double>()}};
        };
        return loop;
    }
};

class LoopTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = std::string(::testing::UnitTest::GetInstance()->current_test_info()->name());
        std::string made;
        if (comm().rank() == 0) {
            std::string pattern = (std::filesystem::temp_directory_path() / "vtvc-loop-XXXXXX").string();
            made = ::mkdtemp(pattern.data());
        }
        folder_ = broadcast_text(comm(), made);
    }
    void TearDown() override {
        comm().barrier();
        if (comm().rank() == 0) std::filesystem::remove_all(folder_);
    }
    static Communicator& comm() { return world->all(); }

    /// Runs in a run folder of its own; the same name goes on in the same folder.
    LoopResult run(const std::string& name, LoopJob& job, std::int64_t stop_at = 0,
                   Communicator* over = nullptr) {
        Communicator& used = over ? *over : comm();
        CommonKeys keys;
        keys.checkpoint_every = 7;
        keys.stop_at = stop_at;
        std::optional<RunFolder> run_folder;
        if (used.rank() == 0) run_folder = RunFolder::claim(folder_, name);
        used.barrier();
        RunContext context{used, run_folder ? &*run_folder : nullptr, RunFolder::folder(folder_, name), keys,
                           never};
        return run_loop(context, job);
    }
    std::string metrics(const std::string& name) {
        comm().barrier();
        return read_text(RunFolder::folder(folder_, name) / "metrics.jsonl");
    }
    std::filesystem::path folder_;
};

TEST_F(LoopTest, StoppedAndResumedEqualsUndisturbedBitForBit) {
    Toy whole, first, second;
    LoopJob all = whole.job(40), begin = first.job(40), rest = second.job(40);
    EXPECT_TRUE(run("aaaa", all).finished);
    EXPECT_FALSE(run("bbbb", begin, 20).finished);
    EXPECT_TRUE(run("bbbb", rest).finished);
    EXPECT_TRUE(torch::equal(whole.weight, second.weight));
    EXPECT_TRUE(torch::equal(whole.bias, second.bias));
    EXPECT_FALSE(torch::equal(whole.weight, first.weight));
    EXPECT_EQ(metrics("aaaa"), metrics("bbbb"));
}

TEST_F(LoopTest, TheSameRunTwiceIsBitEqual) {
    Toy a, b;
    LoopJob first = a.job(25), second = b.job(25);
    run("aaaa", first);
    run("bbbb", second);
    EXPECT_TRUE(torch::equal(a.weight, b.weight));
}

TEST_F(LoopTest, AnyNumberOfRanksGivesTheOneRankCurve) {
    Toy shared, alone;
    LoopJob together = shared.job(30), single = alone.job(30);
    run("aaaa", together);
    const auto self = make_self();
    const std::string own = "rank" + std::to_string(comm().rank());  // each rank repeats the run alone
    run(own, single, 0, self.get());
    // Sums over ranks are rounded in another order: some 1e-7 a step, 30 steps.
    EXPECT_TRUE(torch::allclose(shared.weight, alone.weight, 1e-5, 1e-6));
    EXPECT_TRUE(torch::allclose(shared.bias, alone.bias, 1e-5, 1e-6));
}

TEST_F(LoopTest, ALossThatIsNoNumberStopsWithStepAndRankAndKeepsTheCheckpoint) {
    Toy toy;
    LoopJob job = toy.job(40);
    const auto healthy = job.gradients;
    job.gradients = [&](std::int64_t step, std::span<const std::int64_t> rows, std::int64_t global) {
        std::vector<double> sums = healthy(step, rows, global);
        if (step == 17 && comm().rank() == comm().size() - 1) sums[0] = std::nan("");
        return sums;
    };
    try {
        run("aaaa", job);
        ADD_FAILURE() << "went on";
    } catch (const NumericError& error) {
        EXPECT_NE(std::string(error.what()).find("step 17"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("rank " + std::to_string(comm().size() - 1)),
                  std::string::npos)
            << error.what();
    }
    comm().barrier();
    EXPECT_TRUE(std::filesystem::exists(RunFolder::folder(folder_, "aaaa") / "checkpoints" / "train-14.h5"));
}

TEST_F(LoopTest, AGradientThatIsNoNumberNamesItsParameter) {
    Toy toy;
    LoopJob job = toy.job(10);
    const auto healthy = job.gradients;
    job.gradients = [&](std::int64_t step, std::span<const std::int64_t> rows, std::int64_t global) {
        std::vector<double> sums = healthy(step, rows, global);
        if (step == 2 && !rows.empty()) toy.bias.mutable_grad().fill_(std::nan(""));
        return sums;
    };
    try {
        run("aaaa", job);
        ADD_FAILURE() << "went on";
    } catch (const NumericError& error) {
        EXPECT_NE(std::string(error.what()).find("gradient of bias"), std::string::npos) << error.what();
    }
}

TEST_F(LoopTest, TheBestOnValidationIsKeptByValue) {
    Toy toy;
    LoopJob job = toy.job(30);
    job.train.validate_every = 5;
    job.best_by = SelectBy::nll;
    at::Tensor seen;
    // The measure says that step 10 was best, whatever happens later.
    job.validate = [&](std::int64_t step) -> std::map<std::string, double> {
        if (step == 10) seen = toy.weight.detach().clone();
        return {{"accuracy", .5}, {"nll", step == 10 ? 0.1 : 1.0}};
    };
    const LoopResult result = run("aaaa", job);
    EXPECT_EQ(result.validation.at("nll"), 0.1);
    EXPECT_TRUE(torch::equal(toy.weight.detach(), seen));
}

TEST_F(LoopTest, ADamagedCheckpointIsPassedOverForTheOneBefore) {
    Toy whole, first, second;
    LoopJob all = whole.job(40), begin = first.job(40), rest = second.job(40);
    run("aaaa", all);
    run("bbbb", begin, 20);
    comm().barrier();
    if (comm().rank() == 0) {
        const auto newest = RunFolder::folder(folder_, "bbbb") / "checkpoints" / "train-20.h5";
        std::filesystem::resize_file(newest, std::filesystem::file_size(newest) / 2);
    }
    comm().barrier();
    run("bbbb", rest);
    EXPECT_TRUE(torch::equal(whole.weight, second.weight));
}

/// A folder that cannot be replaced by a file.
void bar_the_way(const std::filesystem::path& checkpoint) {
    std::filesystem::create_directories(checkpoint / "full");
}

TEST_F(LoopTest, ACheckpointThatCannotBeWrittenStopsTheRunBeforeTheNextOne) {
    const auto self = make_self();
    const std::string own = "rank" + std::to_string(comm().rank());
    bar_the_way(RunFolder::folder(folder_, own) / "checkpoints" / "train-14.h5");
    Toy toy;
    LoopJob job = toy.job(40);
    std::int64_t reached = 0;
    const auto plain = job.gradients;
    job.gradients = [&](std::int64_t step, std::span<const std::int64_t> rows, std::int64_t global) {
        reached = step;
        return plain(step, rows, global);
    };
    try {
        run(own, job, 0, self.get());
        ADD_FAILURE() << "the failure was not told";
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("train-14.h5"), std::string::npos) << error.what();
    }
    EXPECT_GE(reached, 13);  // the step that asked for it was done
    EXPECT_LT(reached, 21);  // at most one is being written: the next would have waited for its error
    EXPECT_TRUE(
        std::filesystem::is_regular_file(RunFolder::folder(folder_, own) / "checkpoints" / "train-7.h5"));
}

TEST_F(LoopTest, ACheckpointThatFailsAtTheVeryEndIsToldToo) {
    const auto self = make_self();
    const std::string own = "rank" + std::to_string(comm().rank());
    bar_the_way(RunFolder::folder(folder_, own) / "checkpoints" / "train-7.h5");
    Toy toy;
    LoopJob job = toy.job(8);
    EXPECT_THROW(run(own, job, 0, self.get()), StorageError);
    EXPECT_FALSE(
        std::filesystem::exists(RunFolder::folder(folder_, own) / "checkpoints" / "train.done.json"));
}

TEST_F(LoopTest, TheLastCheckpointIsWholeWhenTheLoopEnds) {
    Toy finished, stopped;
    LoopJob all = finished.job(15),
            begin = stopped.job(40);  // the one of step 14 is asked for just before the end
    run("aaaa", all);
    EXPECT_FALSE(run("bbbb", begin, 29).finished);
    for (const auto& [name, step] : {std::pair{"aaaa", 14}, std::pair{"bbbb", 29}}) {
        const auto path =
            RunFolder::folder(folder_, name) / "checkpoints" / ("train-" + std::to_string(step) + ".h5");
        EXPECT_NO_THROW(TensorFile::read(path, "checkpoint")) << path;
    }
}

TEST(Schedule, RisesThenFallsToZero) {
    EXPECT_DOUBLE_EQ(schedule(0, 100, 10), .1);
    EXPECT_DOUBLE_EQ(schedule(9, 100, 10), 1);
    EXPECT_DOUBLE_EQ(schedule(10, 100, 10), 1);
    EXPECT_NEAR(schedule(55, 100, 10), .5, 1e-12);
    EXPECT_LT(schedule(99, 100, 10), 1e-3);
}

}  // namespace
}  // namespace vtvc

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    torch::set_num_threads(1);
    vtvc::World own(argc, argv);
    vtvc::world = &own;
    return RUN_ALL_TESTS();
}
