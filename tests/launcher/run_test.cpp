// vtvc run: what it refuses, what it passes on, how it ends. A job that misbehaves on request
// (tests/sharding) stands in for vtvc-worker: both are copied into one folder.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>

#include "../sharding/child.hpp"

namespace vtvc {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::Child;
using test::Scratch;

constexpr auto long_enough = 60s;
constexpr auto promised = 5s;
#ifdef __SANITIZE_ADDRESS__
constexpr double finished_run_s = 1;  // the sanitizer's own start
#else
constexpr double finished_run_s = .1;
#endif

/// A folder with both programs, a job file, and a TMPDIR of its own.
class House {
  public:
    House() {
        fs::create_directory(temporary());
        fs::copy_file(VTVC_BIN_DIR "/vtvc", folder_ / "vtvc");
        fs::copy_file(VTVC_BIN_DIR "/rank_faults", folder_ / "vtvc-worker");
        for (const char* input : {"m.h5", "d.h5"}) std::ofstream(folder_ / input) << input;  // to be hashed
        write_job("[job]\nkind = \"features\"\nthreads = 3\n[input]\nmodel = \"m.h5\"\ndata = \"d.h5\"\n");
    }
    void write_job(const std::string& text) const { std::ofstream(job()) << text; }
    fs::path job() const { return folder_ / "job.toml"; }
    fs::path temporary() const { return folder_ / "tmp"; }
    fs::path link() const { return folder_ / "link"; }
    const Scratch& folder() const { return folder_; }
    /// What a run that ends well says of itself.
    nlohmann::json described(std::vector<std::string> options) const;
    /// Makes it a finished run, as its worker would.
    static void finish(const nlohmann::json& run) {
        const fs::path folder = run.at("run").get<std::string>();
        fs::create_directories(folder);
        std::ofstream(folder / "DONE") << "attempt 1\n";
    }
    /// Folders of runs that are going on or were left behind.
    std::vector<fs::path> run_folders() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(temporary())) found.push_back(entry.path());
        return found;
    }
    int pid_of(int rank) const {
        const auto path = folder_ / ("pid-" + std::to_string(rank));
        test::within(long_enough, [&] { return !test::read(path).empty(); });
        return std::stoi(test::read(path));
    }
    bool misbehaved() const {
        return test::within(long_enough, [&] { return fs::exists(folder_ / "fault"); });
    }

  private:
    Scratch folder_;
};

class VtvcRun {
  public:
    VtvcRun(const House& house, const std::string& fault, std::vector<std::string> options, int ignored = 0)
        : child_(command(house, std::move(options)),
                 {{"VTVC_FAULT", fault},
                  {"VTVC_FAULT_FOLDER", house.folder().path()},
                  {"TMPDIR", house.temporary()}},
                 house.folder().path(), ignored) {}
    Child& process() { return child_; }
    int end(std::chrono::duration<double> time = long_enough) { return child_.wait(time); }
    std::string out() const { return child_.out(); }
    std::string err() const { return child_.err(); }
    std::string last_line() const {
        auto text = child_.err();
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text.substr(text.rfind('\n') + 1);
    }

  private:
    static std::vector<std::string> command(const House& house, std::vector<std::string> options) {
        options.insert(options.begin(), {house.folder() / "vtvc", "run", house.job()});
        return options;
    }
    Child child_;
};

nlohmann::json House::described(std::vector<std::string> options) const {
    options.insert(options.end(), {"--json", "--store", folder_ / "store"});
    VtvcRun run(*this, "sum", std::move(options));
    EXPECT_EQ(run.end(), 0) << run.err();
    return nlohmann::json::parse(run.out());
}

testing::AssertionResult matches(const std::string& text, const std::string& pattern) {
    if (std::regex_search(text, std::regex(pattern))) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "'" << text << "' has no " << pattern;
}

TEST(RunVerb, RefusesAWrongJobWithEveryProblemBeforeAnythingStarts) {
    const House house;
    house.write_job("[job]\nkind = \"features\"\nsede = 1\nthreads = \"two\"\n");
    VtvcRun run(house, "sum", {"-n", "2"});
    EXPECT_EQ(run.end(), 2);
    EXPECT_TRUE(matches(run.err(), "job.toml:3:1: .*sede")) << run.err();
    EXPECT_TRUE(matches(run.err(), "job.toml:4:[0-9]+: ")) << run.err();
    EXPECT_FALSE(fs::exists(house.folder() / "arguments"));
}

TEST(RunVerb, RefusesAnImpossibleNumberOfRanks) {
    const House house;
    EXPECT_EQ(VtvcRun(house, "sum", {"-n", "0"}).end(), 2);
    EXPECT_EQ(VtvcRun(house, "sum", {"-n", "two"}).end(), 2);
}

TEST(RunVerb, SaysThatTheWorkerIsMissing) {
    const House house;
    fs::remove(house.folder() / "vtvc-worker");
    VtvcRun run(house, "sum", {});
    EXPECT_EQ(run.end(), 2);
    EXPECT_TRUE(matches(run.err(), "there is no .*vtvc-worker"));
}

TEST(RunVerb, RefusesAMissingInputBeforeAnythingStarts) {
    const House house;
    fs::remove(house.folder() / "d.h5");
    VtvcRun run(house, "sum", {"-n", "2"});
    EXPECT_EQ(run.end(), 1);
    EXPECT_TRUE(matches(run.last_line(), "^vtvc: .*d.h5")) << run.err();
    EXPECT_FALSE(fs::exists(house.folder() / "arguments"));
}

TEST(RunVerb, FindsAFinishedRunWithoutStartingRanks) {
    const House house;
    const auto first = house.described({"-n", "2"});
    EXPECT_EQ(first.at("started"), true);
    EXPECT_EQ(first.at("state"), "DONE");
    EXPECT_EQ(first.at("kind"), "features");

    House::finish(first);
    fs::remove(house.folder() / "vtvc-worker");  // whatever would start it, fails
    const auto again =
        house.described({"-n", "2", "--set", "job.out=" + house.link().string(), "--set", "job.threads=2"});
    EXPECT_EQ(again.at("started"), false);
    EXPECT_EQ(again.at("id"), first.at("id"));
    EXPECT_TRUE(fs::equivalent(house.link(), first.at("run").get<std::string>()));

    // Other science, or another content of an input, is another run: that one needs the worker.
    VtvcRun other(house, "sum", {"--set", "job.seed=1"});
    EXPECT_EQ(other.end(), 2);
    std::ofstream(house.folder() / "d.h5") << "changed";
    VtvcRun changed(house, "sum", {});
    EXPECT_EQ(changed.end(), 2);
    EXPECT_TRUE(matches(changed.last_line(), "there is no .*vtvc-worker"));
}

TEST(RunVerb, AnswersForAFinishedRunAtOnce) {
    const House house;
    House::finish(house.described({}));
    // The first of many that is quick enough: other programs may hold the cores for a while.
    auto least = std::chrono::duration<double>::max();
    for (int i = 0; i < 40 && least.count() >= finished_run_s; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        ASSERT_EQ(house.described({}).at("started"), false);
        least = std::min<std::chrono::duration<double>>(least, std::chrono::steady_clock::now() - begin);
    }
    EXPECT_LT(least.count(), finished_run_s);
}

TEST(RunVerb, TellsAFailureAsJsonToo) {
    const House house;
    VtvcRun run(house, "throw", {"--json"});
    EXPECT_EQ(run.end(), 1);
    const auto about = nlohmann::json::parse(run.out());
    EXPECT_EQ(about.at("state"), "FAILED");
    EXPECT_EQ(about.at("code"), 1);
    EXPECT_TRUE(matches(about.at("cause"), "told to throw"));
}

class Ranks : public testing::TestWithParam<int> {
  protected:
    std::string count() const { return std::to_string(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(RunVerb, Ranks, testing::Values(1, 2));

TEST_P(Ranks, GetTheJobItsSettingsItsStoreAndItsThreads) {
    const House house;
    VtvcRun run(house, "sum",
                {"-n", count(), "--set", "job.seed=7", "--set", "job.checkpoint_every=0", "--store", "here"});
    EXPECT_EQ(run.end(), 0) << run.err();
    EXPECT_EQ(run.out().size(), 17U) << "rank 0 alone prints a sum: " << run.out();
    EXPECT_EQ(test::read(house.folder() / "arguments"),
              house.job().string() + " --set job.seed=7 --set job.checkpoint_every=0 --store here threads 3");
    EXPECT_TRUE(house.run_folders().empty());
}

TEST_P(Ranks, ThatThrowGiveTheirMessageAsTheLastLine) {
    const House house;
    VtvcRun run(house, "throw", {"-n", count()});
    EXPECT_EQ(run.end(), 1);
    EXPECT_TRUE(matches(run.last_line(),
                        "^vtvc run: rank [01] of " + count() + " on [^ ]+: told to throw; with two lines$"));
    EXPECT_TRUE(house.run_folders().empty());
}

TEST_P(Ranks, ThatRefuseTheirConfigurationGiveCodeTwo) {
    const House house;
    VtvcRun run(house, "config", {"-n", count()});
    EXPECT_EQ(run.end(), 2);
    EXPECT_TRUE(matches(run.last_line(), "told to refuse$"));
}

TEST_P(Ranks, ThatAreKilledAreNamedWithTheSignal) {
    const House house;
    VtvcRun run(house, "kill", {"-n", count()});
    ASSERT_TRUE(house.misbehaved());
    EXPECT_EQ(run.end(promised), 137);
    EXPECT_TRUE(matches(run.last_line(),
                        "^vtvc run: rank [01] of " + count() + ".* was killed by signal 9 \\(Killed\\)$"));
    EXPECT_TRUE(house.run_folders().empty());
}

TEST_P(Ranks, WriteACheckpointWhenSomebodyTerminatesTheRun) {
    for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) {
        const House house;
        VtvcRun run(house, "nothing", {"-n", count()});
        ASSERT_TRUE(house.misbehaved());  // all ranks are at work
        run.process().send(signal);
        EXPECT_EQ(run.end(promised), 75) << run.err();
        EXPECT_TRUE(house.run_folders().empty());
    }
}

TEST_P(Ranks, ThatDoNotStopInTheirGraceAreMadeTo) {
    const House house;
    VtvcRun run(house, "stuck", {"-n", count(), "--grace", "0.3"});
    ASSERT_TRUE(house.misbehaved());
    run.process().send(SIGTERM);
    EXPECT_EQ(run.end(promised), 143) << run.err();
    EXPECT_TRUE(matches(run.last_line(), "^vtvc run: stopped by signal 15 \\(Terminated\\)$"));
    for (int rank = 0; rank < GetParam(); ++rank) EXPECT_FALSE(test::is_alive(house.pid_of(rank)));
}

TEST_P(Ranks, GoOnWhenTheTerminalClosesUnderNohup) {
    const House house;
    VtvcRun run(house, "nothing", {"-n", count()}, SIGHUP);
    ASSERT_TRUE(house.misbehaved());
    run.process().send(SIGHUP);
    EXPECT_EQ(run.end(1s), -1) << run.err();
    run.process().send(SIGTERM);
    EXPECT_EQ(run.end(promised), 75) << run.err();
}

TEST_P(Ranks, StopAtOnceWhenInterruptedTwice) {
    const House house;
    VtvcRun run(house, "stuck", {"-n", count(), "--grace", "1000"});
    ASSERT_TRUE(house.misbehaved());
    run.process().send(SIGINT);
    ASSERT_TRUE(test::within(promised, [&] { return run.err().find("asked the job") != std::string::npos; }));
    run.process().send(SIGINT);
    EXPECT_EQ(run.end(promised), 130) << run.err();
}

TEST_P(Ranks, AreQuietUnlessTheyFail) {
    const House house;
    VtvcRun fine(house, "sum", {"-n", count(), "--quiet"});
    EXPECT_EQ(fine.end(), 0);
    EXPECT_EQ(fine.out() + fine.err(), "");
    VtvcRun broken(house, "thread", {"-n", count(), "--quiet"});
    EXPECT_EQ(broken.end(), 1);
    EXPECT_TRUE(matches(broken.last_line(), "thrown aside$"));
}

TEST_P(Ranks, GoWithALauncherThatIsKilledAndALaterRunSweepsUp) {
    const House house;
    VtvcRun killed(house, "nothing", {"-n", count()});
    ASSERT_TRUE(house.misbehaved());
    const int first = house.pid_of(0), last = house.pid_of(GetParam() - 1);
    killed.process().send(SIGKILL);
    EXPECT_EQ(killed.end(), 137);
    for (const int pid : {first, last})
        EXPECT_TRUE(test::within(promised, [&] { return !test::is_alive(pid); })) << pid;
    ASSERT_EQ(house.run_folders().size(), 1U);
    const auto left_behind = house.run_folders()[0];

    // Young folders are spared: their run may be about to lock them.
    EXPECT_EQ(VtvcRun(house, "sum", {}).end(), 0);
    EXPECT_TRUE(fs::exists(left_behind));
    // mpirun outlives its ranks by a moment and holds the folder until then.
    EXPECT_TRUE(test::within(promised, [&] {
        std::error_code gone;
        fs::last_write_time(left_behind, fs::file_time_type::clock::now() - 1h, gone);
        EXPECT_EQ(VtvcRun(house, "sum", {}).end(), 0);
        return !fs::exists(left_behind);
    }));
}

TEST_P(Ranks, KeepTheirFoldersHoweverOldWhileTheyRun) {
    const House house;
    VtvcRun running(house, "nothing", {"-n", count()});
    ASSERT_TRUE(house.misbehaved());
    ASSERT_EQ(house.run_folders().size(), 1U);
    const auto in_use = house.run_folders()[0];
    fs::last_write_time(in_use, fs::file_time_type::clock::now() - 1h);
    VtvcRun second(house, "sum", {});
    EXPECT_EQ(second.end(), 0);
    EXPECT_TRUE(fs::exists(in_use));
    running.process().send(SIGUSR2);
    EXPECT_EQ(running.end(promised), 75);
    EXPECT_FALSE(fs::exists(in_use));
}

}  // namespace
}  // namespace vtvc
