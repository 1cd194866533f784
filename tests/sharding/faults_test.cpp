// A rank that throws, dies, stops, hangs or strays takes the whole job down within 5 s, with one line that
// says why, and leaves neither processes nor shared memory.
#include <algorithm>
#include <filesystem>
#include <regex>

#include "child.hpp"

namespace vtvc {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::Scratch;

constexpr int ranks = 3;
/// The promise; the clock starts when the rank misbehaves.
constexpr auto promised = 5s;
constexpr auto start_up = 20s;

/// rank_faults under mpirun, whose temporary files and shared memory lie in folders of their own.
class Job {
  public:
    explicit Job(const std::string& what, int count = ranks,
                 std::map<std::string, std::string> environment = {{"VTVC_COLLECTIVE_TIMEOUT_S", "60"}})
        : child_((make_folders(),
                  std::vector<std::string>{"mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "pml",
                                           "ob1", "--mca", "btl_vader_backing_directory", folder_ / "shm",
                                           "-n", std::to_string(count), VTVC_BIN_DIR "/rank_faults"}),
                 with_defaults(std::move(environment), what), folder_.path()) {}

    Child& process() { return child_; }
    bool all_started(int count = ranks) {
        return test::within(start_up, [&] { return pids().size() == static_cast<std::size_t>(count); });
    }
    bool misbehaved() {
        return test::within(start_up, [&] { return std::filesystem::exists(folder_ / "fault"); });
    }
    /// Process ids of the ranks that have started.
    std::vector<int> pids() const {
        std::vector<int> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
            if (entry.path().filename().string().starts_with("pid-"))
                if (const auto text = test::read(entry.path()); !text.empty())
                    found.push_back(std::stoi(text));
        return found;
    }
    /// Waits for the end; then no process and no file may be left.
    int end(std::chrono::duration<double> time = promised) {
        const auto deadline = std::chrono::steady_clock::now() + time;
        const int code = child_.wait(time);
        const auto rest =
            std::max<std::chrono::duration<double>>(deadline - std::chrono::steady_clock::now(), 0s);
        for (const int pid : pids())
            EXPECT_TRUE(test::within(rest, [&] { return !test::is_alive(pid); })) << "an orphan: " << pid;
        EXPECT_TRUE(std::filesystem::is_empty(folder_ / "shm"));
        return code;
    }
    std::vector<std::string> causes() const {
        std::vector<std::string> lines;
        std::istringstream text(child_.err());
        for (std::string line; std::getline(text, line);)
            if (std::regex_search(line, std::regex("^rank [0-9]+ of [0-9]+ on [^ ]+: ")))
                lines.push_back(line);
        return lines;
    }
    std::string everything() const { return child_.out() + child_.err(); }

  private:
    void make_folders() {
        std::filesystem::create_directories(folder_ / "shm");
        std::filesystem::create_directories(folder_ / "tmp");
    }
    std::map<std::string, std::string> with_defaults(std::map<std::string, std::string> environment,
                                                     const std::string& what) {
        environment.insert({{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                            {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                            {"OMP_NUM_THREADS", "1"},
                            {"VTVC_FAULT", what},
                            {"VTVC_FAULT_FOLDER", folder_.path()},
                            {"TMPDIR", folder_ / "tmp"}});
        return environment;
    }
    Scratch folder_;
    Child child_;
};

void expect_one_cause(const Job& job, const std::string& pattern) {
    const auto causes = job.causes();
    ASSERT_EQ(causes.size(), 1U) << job.everything();
    EXPECT_TRUE(std::regex_search(causes[0], std::regex(pattern))) << causes[0];
}

struct Fault {
    std::string what;
    int code;
    std::string cause;
    friend std::ostream& operator<<(std::ostream& out, const Fault& fault) { return out << fault.cause; }
};

class Faults : public testing::TestWithParam<Fault> {};

TEST_P(Faults, EndTheJobInTimeWithOneCause) {
    Job job(GetParam().what);
    ASSERT_TRUE(job.misbehaved()) << job.everything();
    EXPECT_EQ(job.end(), GetParam().code) << job.everything();
    expect_one_cause(job, GetParam().cause);
}

const std::string dead =
    "^rank 1 of 3 on [^ ]+: its process [0-9]+ was killed or ended early, after all_reduce";

INSTANTIATE_TEST_SUITE_P(
    OfRankOne, Faults,
    testing::Values(Fault{"throw", 1, "^rank 1 of 3 on [^ ]+: told to throw; with two lines$"},
                    Fault{"config", 2, "^rank 1 of 3 on [^ ]+: job.toml:3:1: told to refuse$"},
                    Fault{"thread", 1, "^rank 1 of 3 on [^ ]+: thrown aside$"}, Fault{"exit3", 3, dead},
                    Fault{"exit0", 1, dead}, Fault{"kill", 137, dead},
                    Fault{"abort", 134, "^rank 1 of 3 on [^ ]+: ended by signal 6 \\(aborted\\)$"},
                    Fault{"stop", 1, "^rank 1 of 3 on [^ ]+: its process [0-9]+ has been stopped for 2"},
                    Fault{"other", 1,
                          "(barrier|all_reduce) number .* while rank [012] is in (barrier|all_reduce)"}),
    [](const auto& fault) { return fault.param.what; });

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they report such signals themselves
INSTANTIATE_TEST_SUITE_P(OfMemory, Faults,
                         testing::Values(Fault{
                             "segv", 139,
                             "^rank 1 of 3 on [^ ]+: ended by signal 11 \\(segmentation fault\\)$"}),
                         [](const auto& fault) { return fault.param.what; });
#endif

TEST(Faults, OfARankThatHangsAreNamedByTheDeadlineOfTheOthers) {
    Job job("stuck", ranks, {{"VTVC_COLLECTIVE_TIMEOUT_S", "1.5"}});
    ASSERT_TRUE(job.misbehaved()) << job.everything();
    EXPECT_EQ(job.end(), 1) << job.everything();
    expect_one_cause(
        job,
        "^rank [02] of 3 on [^ ]+: in all_reduce number [0-9]+ \\([0-9]+ bytes\\) for 1\\.[5-9] s "
        ".*1\\.5.*; rank 1 is after all_reduce number");
}

TEST(Faults, OfARankThatEndsBeforeTheOthersAreNamed) {
    Job job("leave");
    ASSERT_TRUE(job.all_started());
    EXPECT_EQ(job.end(), 1) << job.everything();
    expect_one_cause(job, "finalize number");
}

TEST(Faults, OfAllRanksAtOnceGiveOneLine) {
    Job job("all_throw");
    ASSERT_TRUE(job.all_started());
    EXPECT_EQ(job.end(), 1) << job.everything();
    expect_one_cause(job, "told to throw");
}

TEST(Faults, OfMpirunTakeTheRanksAlong) {
    Job job("nothing");
    ASSERT_TRUE(job.all_started()) << job.everything();
    job.process().send(SIGKILL);
    const auto pids = job.pids();
    EXPECT_EQ(job.process().wait(promised), 137);
    for (const int pid : pids) EXPECT_TRUE(test::within(promised, [&] { return !test::is_alive(pid); }));
}

TEST(Faults, WithABadTimeLimitAreRefusedBeforeAnyWork) {
    Job job("nothing", ranks, {{"VTVC_COLLECTIVE_TIMEOUT_S", "soon"}});
    EXPECT_EQ(job.end(start_up), 2) << job.everything();
    expect_one_cause(job, "VTVC_COLLECTIVE_TIMEOUT_S is 'soon'");
}

TEST(Health, OfAJobSuspendedAsAWholeAndContinuedIsNotQuestioned) {
    Job job("work", ranks, {{"VTVC_COLLECTIVE_TIMEOUT_S", "3"}});
    ASSERT_TRUE(job.all_started()) << job.everything();
    std::this_thread::sleep_for(500ms);
    job.process().send(SIGTSTP);
    std::this_thread::sleep_for(5s);
    job.process().send(SIGCONT);
    EXPECT_EQ(job.end(60s), 0) << job.everything();
    EXPECT_TRUE(job.causes().empty()) << job.everything();
}

TEST(Signals, ReachTheHandlersThatTheProgramSetBefore) {
    Job job("nothing");
    ASSERT_TRUE(job.all_started()) << job.everything();
    std::this_thread::sleep_for(300ms);
    job.process().send(SIGUSR2);
    EXPECT_EQ(job.end(), 75) << job.everything();
    EXPECT_TRUE(job.causes().empty()) << job.everything();
}

TEST(CauseFiles, TakeThePlaceOfStderr) {
    const Scratch causes;
    Job job("throw", ranks, {{"VTVC_CAUSE_DIR", causes.path().string()}});
    ASSERT_TRUE(job.misbehaved()) << job.everything();
    EXPECT_EQ(job.end(), 1) << job.everything();
    EXPECT_TRUE(job.causes().empty()) << job.everything();
    EXPECT_TRUE(std::filesystem::exists(causes / "ready"));
    const auto record = test::read(causes / "rank-1.json");
    EXPECT_TRUE(std::regex_search(record, std::regex(R"re("schema":1,"rank":1,"ranks":3,"seen_by":1,)re")))
        << record;
    EXPECT_TRUE(
        std::regex_search(record, std::regex(R"re("kind":"error","code":1,.*: told to throw; with)re")))
        << record;
}

class Sums : public testing::TestWithParam<int> {};

TEST_P(Sums, OfTwoRunsAgreeBitForBit) {
    std::string first;
    for (int run = 0; run < 2; ++run) {
        Job job("sum", GetParam());
        ASSERT_EQ(job.end(start_up), 0) << job.everything();
        const auto bits = job.process().out();
        ASSERT_EQ(bits.size(), 17U) << job.everything();
        if (run == 0) first = bits;
        EXPECT_EQ(bits, first);
    }
}

INSTANTIATE_TEST_SUITE_P(OverRanks, Sums, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace vtvc
