#include "vtvc/experiments/report.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "synthetic_runs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/storage/predictions.hpp"

namespace fs = std::filesystem;

namespace vtvc {
namespace {

const fs::path golden_folder = fs::path(VTVC_TEST_SOURCE_DIR) / "golden";

class Folder {
  public:
    explicit Folder(const std::string& name)
        : path_(fs::temp_directory_path() / ("vtvc-report-" + name + "-" + std::to_string(::getpid()))) {
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// One set of runs and one report for all tests that only read.
struct Written {
    Folder folder{"shared"};
    fs::path runs = testing::write_synthetic_runs(folder.path());
    fs::path out = folder.path() / "report";
    Written() { write_report({runs, out, "Synthetic <runs> & tests"}); }
};
const Written& written() {
    static const Written one;
    return one;
}
std::string text(const std::string& name) { return read_text(written().out / name); }

// A missing golden file is a failure. To make them anew, run this program once with VTVC_WRITE_GOLDEN=1 (the
// test fails all the same), look at the difference, and commit.
void compare_with_golden(const std::string& name) {
    if (std::getenv("VTVC_WRITE_GOLDEN")) {
        fs::create_directories(golden_folder);
        write_atomically(golden_folder / name, text(name));
        FAIL() << name << " was written; look at the difference and commit it";
    }
    ASSERT_TRUE(fs::exists(golden_folder / name)) << "no golden file " << name << " (see the comment above)";
    const std::string expected = read_text(golden_folder / name), found = text(name);
    if (expected == found) return;
    std::size_t at = 0;
    while (at < std::min(expected.size(), found.size()) && expected[at] == found[at]) ++at;
    const std::size_t from = at < 60 ? 0 : at - 60;
    ADD_FAILURE() << name << " differs from byte " << at << ":\n  golden: …" << expected.substr(from, 160)
                  << "\n  found:  …" << found.substr(from, 160);
}

TEST(Report, ResultsJsonIsTheGoldenOne) { compare_with_golden("results.json"); }
TEST(Report, ResultsCsvIsTheGoldenOne) { compare_with_golden("results.csv"); }
TEST(Report, TablesTextIsTheGoldenOne) { compare_with_golden("tables.txt"); }
TEST(Report, PageIsTheGoldenOne) { compare_with_golden("report.html"); }

TEST(Report, SameRunsGiveTheSameBytes) {
    const Folder again("again");
    write_report({written().runs, again.path() / "out", "Synthetic <runs> & tests"});
    for (const char* name : {"results.json", "results.csv", "tables.txt", "report.html"})
        EXPECT_EQ(read_text(again.path() / "out" / name), text(name)) << name;
}

TEST(Report, PageFetchesNothing) {
    const std::string page = text("report.html");
    EXPECT_EQ(page.find("http"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("<link"), std::string::npos);
    for (std::size_t at = page.find("src=\""); at != std::string::npos; at = page.find("src=\"", at + 1))
        EXPECT_EQ(page.compare(at + 5, 22, "data:image/png;base64,"), 0) << page.substr(at, 60);
}

TEST(Report, NamesFromFilesAreEscaped) {
    const std::string page = text("report.html");
    for (const char* raw : {"a<b", "ζ & η", "Synthetic <runs>", "<expected>"})
        EXPECT_EQ(page.find(raw), std::string::npos) << raw;
    for (const char* escaped : {"a&lt;b", "Synthetic &lt;runs&gt; &amp; tests", "&lt;expected&gt; 20 %"})
        EXPECT_NE(page.find(escaped), std::string::npos) << escaped;
}

TEST(Report, NoPathOfTheMachineReachesThePage) {
    for (const char* name : {"results.json", "results.csv", "tables.txt", "report.html"})
        EXPECT_EQ(text(name).find(written().folder.path().string()), std::string::npos) << name;
}

TEST(Report, FollowsLinksAndTakesEachRunOnce) {
    const std::string page = text("report.html");
    EXPECT_NE(page.find("1 pretrain, 2 finetune"), std::string::npos);  // linked twice, counted once
    EXPECT_NE(page.find("unfinished is not finished"), std::string::npos);
}

TEST(Report, HardAndMonteCarloAreRowsOfTheirOwn) {
    const auto methods = nlohmann::json::parse(text("results.json"))["protocols"]["heterogeneous"]["methods"];
    EXPECT_DOUBLE_EQ(methods["vtvc"]["zeros"], 0);
    EXPECT_GT(methods["vtvc_hard"]["zeros"], .5);
    EXPECT_FALSE(methods["vtvc_mc"]["epistemic"].is_null());
    EXPECT_TRUE(methods["vtvc"]["epistemic"].is_null());
    EXPECT_FALSE(methods.contains("vtvc_averaged"));  // a control, not a method
}

TEST(Report, AveragesOverSeedsAndDataSets) {
    const auto row = nlohmann::json::parse(text("results.json"))["protocols"]["addition"]["methods"]["vtvc"];
    const auto greek = row["datasets"]["greek"]["values"].get<std::vector<double>>();
    const auto fashion = row["datasets"]["fashion"]["values"].get<std::vector<double>>();
    ASSERT_EQ(greek.size(), 2u);
    EXPECT_NEAR(row["mean_accuracy"], (greek[0] + greek[1] + fashion[0] + fashion[1]) / 4, 1e-9);
    const double a = (greek[0] + fashion[0]) / 2, b = (greek[1] + fashion[1]) / 2;
    EXPECT_NEAR(row["sd"], std::abs(a - b) / std::sqrt(2.0), 1e-9);  // of the seeds' averages
    EXPECT_EQ(row["seeds"], (nlohmann::json{0, 1}));
    const auto one =
        nlohmann::json::parse(text("results.json"))["protocols"]["addition"]["methods"]["average"];
    EXPECT_TRUE(one["sd"].is_null());  // one run has no spread
}

TEST(Report, SubdomainAccuraciesAverageToTheWhole) {
    const auto set = nlohmann::json::parse(
        text("results.json"))["protocols"]["heterogeneous"]["methods"]["vtvc"]["datasets"]["greek"];
    double sum = 0;
    ASSERT_EQ(set["subdomains"].size(), 6u);
    for (const auto& subdomain : set["subdomains"]) sum += subdomain["mean"].get<double>();
    EXPECT_NEAR(sum / 6, set["mean"], 1e-9);  // equal shares of the test split
}

TEST(Report, RefusesAFolderWithoutFinishedRuns) {
    const Folder empty("empty");
    EXPECT_THROW(write_report({empty.path(), empty.path() / "out", ""}), StorageError);
    EXPECT_THROW(write_report({empty.path() / "absent", empty.path() / "out", ""}), StorageError);
    EXPECT_FALSE(fs::exists(empty.path() / "out"));
}

TEST(Report, RefusesPredictionsWhoseLabelsAreNotTheDataSets) {
    const Folder folder("labels");
    const fs::path runs = testing::write_synthetic_runs(folder.path());
    const fs::path file = runs / "heterogeneous-vtvc-0" / "predictions.h5";
    PredictionsContents contents = read_predictions(file);
    contents.sets[0].labels[7] = (contents.sets[0].labels[7] + 1) % 6;
    write_predictions(file, contents);
    try {
        write_report({runs, folder.path() / "out", ""});
        ADD_FAILURE() << "labels that are not the data set's were taken";
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("heterogeneous-vtvc-0: row 7"), std::string::npos)
            << error.what();
    }
}

TEST(Report, SaysWhichLineOfATrainingLogIsDamaged) {
    const Folder folder("log");
    const fs::path runs = testing::write_synthetic_runs(folder.path());
    write_atomically(runs / "base" / "metrics.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"lo");
    try {
        write_report({runs, folder.path() / "out", ""});
        ADD_FAILURE() << "a damaged training log was taken";
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("metrics.jsonl:2"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace vtvc
