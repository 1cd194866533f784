// Real weights by other hands reach the accuracies stated for them, through the commands that a user types:
// data import idx, model import, head import, bank import, a zero-shot baseline, evaluate.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/storage/predictions.hpp"
#include "world.hpp"

namespace vtvc::testing {
namespace {

namespace fs = std::filesystem;

/// The folder of shared files: VTVC_SHARED, or beside the checkout.
fs::path shared() {
    if (const char* given = std::getenv("VTVC_SHARED"); given != nullptr) return given;
    return fs::path(VTVC_TEST_SOURCE_DIR) / "../../../shared";
}

struct Real {
    const char* test_name;
    const char* weights;  ///< without the ending
    const char* data;     ///< folder of the data set
    const char* network;  ///< options of model import: what a checkpoint does not say
    const char* head;     ///< options of head import
    const char* head_kind;
    std::int64_t correct, of;
};

class SharedWeights : public ::testing::TestWithParam<Real> {
  protected:
    void SetUp() override {
        const Real& real = GetParam();
        if (!fs::exists(shared() / "weights" / (std::string(real.weights) + ".safetensors")) ||
            !fs::exists(shared() / "data" / real.data))
            GTEST_SKIP() << "no shared weights or data here (VTVC_SHARED, or ../shared beside the checkout)";
        std::string pattern = (fs::temp_directory_path() / "vtvc-shared-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override {
        if (!folder_.empty()) fs::remove_all(folder_);
    }
    /// Runs vtvc in the test's folder; fails the test with its output otherwise.
    void vtvc(const std::string& arguments) const {
        const Outcome outcome = shell(fmt::format("cd {} && VTVC_STORE=store OMPI_ALLOW_RUN_AS_ROOT=1 "
                                                  "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 {}/vtvc {}",
                                                  folder_.string(), VTVC_BIN_DIR, arguments),
                                      250);
        ASSERT_EQ(outcome.code, 0) << arguments << '\n' << outcome.text;
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }

    fs::path folder_;
};

/// Test rows whose likeliest class is the label.
std::int64_t correct(const PredictionSet& set) {
    std::int64_t count = 0;
    for (std::int64_t row = 0; row < set.rows; ++row) {
        const auto first = set.probabilities.begin() + row * set.classes;
        count +=
            std::max_element(first, first + set.classes) - first == set.labels[static_cast<std::size_t>(row)];
    }
    return count;
}

TEST_P(SharedWeights, ReachTheirStatedAccuracy) {
    const Real& real = GetParam();
    const std::string weights = (shared() / "weights" / real.weights).string();
    const std::string data = (shared() / "data" / real.data).string();
    // Checkpoint and base of the bank come from the two files of the same tensors.
    vtvc(fmt::format(
        "data import idx --name real --train-images {0}/train-images-idx-ubyte.gz "
        "--train-labels {0}/train-labels-idx1-ubyte.gz --test-images {0}/test-images-idx-ubyte.gz "
        "--test-labels {0}/test-labels-idx1-ubyte.gz --out data.h5",
        data));
    vtvc(fmt::format("model import {}.safetensors {} --out base.h5", weights, real.network));
    vtvc(fmt::format("head import {}.pth --base base.h5 {} --out head.h5", weights, real.head));
    vtvc(fmt::format("bank import --base base.h5 --task same={}.pth --out bank.h5", weights));
    if (HasFatalFailure()) return;
    write("task.toml",
          "[[task]]\nname = \"real\"\ndata = \"data.h5\"\nfeatures = \"features/features.h5\"\nhead = "
          "\"head.h5\"\n"
          "vector = \"same\"\n");
    write(
        "features.toml",
        "[job]\nkind = \"features\"\nout = \"features\"\n[input]\nmodel = \"base.h5\"\ndata = \"data.h5\"\n");
    write(
        "zero.toml",
        "include = [\"task.toml\"]\n[job]\nkind = \"baseline\"\nout = \"zero\"\n[input]\nbank = \"bank.h5\"\n"
        "[method]\nname = \"zero_shot\"\n[rows]\ncount = 64\nvalidation = 64\n");
    write("evaluate.toml",
          "include = [\"task.toml\"]\n[job]\nkind = \"evaluate\"\nout = \"evaluate\"\n[input]\nbank = "
          "\"bank.h5\"\n"
          "method = \"zero/method.h5\"\n");
    vtvc("run features.toml -n 1");
    vtvc("run zero.toml -n 1");
    vtvc("run evaluate.toml -n 1");
    if (HasFatalFailure()) return;
    const PredictionsContents found = read_predictions(folder_ / "evaluate" / "predictions.h5");
    ASSERT_EQ(found.sets.size(), 1u);
    EXPECT_EQ(nlohmann::json::parse(found.meta)["datasets"][0]["head"], real.head_kind);
    EXPECT_EQ(found.sets[0].rows, real.of);
    // Two images may fall either way by rounding.
    EXPECT_NEAR(static_cast<double>(correct(found.sets[0])), static_cast<double>(real.correct), 2);
    RecordProperty("correct", static_cast<int>(correct(found.sets[0])));
}

INSTANTIATE_TEST_SUITE_P(
    Real, SharedWeights,
    ::testing::Values(Real{"Cifar10", "vit_cifar10_smmk47", "cifar10-12k",
                           "--heads 8 --activation relu --norm post --pixel-mean .4914 .4822 .4465 "
                           "--pixel-sd .2470 .2435 .2616",
                           "", "linear", 1398, 2000},
                      Real{"Mnist", "vit_mnist_ee340", "mnist",
                           "--heads 4 --activation gelu --norm post --pixel-mean .5 --pixel-sd .5",
                           "--activation gelu", "mlp", 9877, 10000}),
    [](const auto& one) { return std::string(one.param.test_name); });

}  // namespace
}  // namespace vtvc::testing
