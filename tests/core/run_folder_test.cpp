#include "vtvc/core/run_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "temporary_folder.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {
namespace {
namespace fs = std::filesystem;

const std::string id = "0123456789abcdef";

class Run : public testing::TemporaryFolder {};

TEST_F(Run, LiesInTheStoreUnderItsId) {
    const RunFolder run = RunFolder::claim(folder(), id);
    EXPECT_EQ(run.path(), folder() / "runs" / id);
    EXPECT_EQ(run.file("metrics.jsonl"), folder() / "runs" / id / "metrics.jsonl");
    EXPECT_EQ(run.attempt(), 1);
    EXPECT_TRUE(fs::is_directory(run.path() / "attempt-1"));
}

TEST_F(Run, EachClaimIsAnAttemptOfItsOwn) {
    constexpr int claims = 8;
    std::vector<int> attempts(claims);
    {
        std::vector<std::jthread> threads;
        threads.reserve(claims);
        for (int& attempt : attempts)
            threads.emplace_back([&] { attempt = RunFolder::claim(folder(), id).attempt(); });
    }
    EXPECT_EQ(std::set<int>(attempts.begin(), attempts.end()), (std::set<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(Run, StatusIsWholeJson) {
    RunFolder run = RunFolder::claim(folder(), id);
    run.stand_at(3, 20);
    run.status("RUNNING", "it \"runs\"");
    const auto status = nlohmann::json::parse(read_text(run.file("status.json")));
    EXPECT_EQ(status.at("attempt"), 1);
    EXPECT_EQ(status.at("state"), "RUNNING");
    EXPECT_EQ(status.at("step"), 3);
    EXPECT_EQ(status.at("steps"), 20);
    EXPECT_EQ(status.at("message"), "it \"runs\"");
    EXPECT_FALSE(status.at("host").get<std::string>().empty());
    EXPECT_GT(status.at("pid").get<int>(), 0);
    EXPECT_EQ(status.at("time").get<std::string>().size(), 20u);
}

TEST_F(Run, AMessageThatIsNoUtf8IsStillWritten) {
    RunFolder run = RunFolder::claim(folder(), id);
    run.status("FAILED", "cannot read \xff\xfe");
    EXPECT_NO_THROW(nlohmann::json::parse(read_text(run.file("status.json"))));
}

TEST_F(Run, IsDoneOnlyAfterFinish) {
    RunFolder run = RunFolder::claim(folder(), id);
    run.status("RUNNING");
    EXPECT_FALSE(RunFolder::is_done(folder(), id));
    run.finish();
    EXPECT_TRUE(RunFolder::is_done(folder(), id));
    EXPECT_EQ(nlohmann::json::parse(read_text(run.file("status.json"))).at("state"), "DONE");
    EXPECT_FALSE(RunFolder::is_done(folder(), "fedcba9876543210"));
}

TEST_F(Run, AFailureAndAnEndSayWhereTheRunStood) {
    RunFolder run = RunFolder::claim(folder(), id);
    const auto place = [&] {
        const auto status = nlohmann::json::parse(read_text(run.file("status.json")));
        return std::pair(status.at("step").get<int>(), status.at("steps").get<int>());
    };
    run.status("RUNNING");
    EXPECT_EQ(place(), std::pair(0, 0));
    run.stand_at(7, 20);
    run.status("FAILED", "no more room");
    EXPECT_EQ(place(), std::pair(7, 20));
    run.stand_at(20, 20);
    run.finish();
    EXPECT_EQ(place(), std::pair(20, 20));
}

TEST_F(Run, IsSettledAsFailedWhereItsWriterIsGone) {
    const auto status_of = [&] {
        return nlohmann::json::parse(read_text(folder() / "runs" / id / "status.json"));
    };
    const fs::path path = RunFolder::folder(folder(), id);
    EXPECT_NO_THROW(RunFolder::settle(path, "nothing is there"));
    const pid_t writer = ::fork();
    if (writer == 0) {
        RunFolder run = RunFolder::claim(folder(), id);
        run.stand_at(3, 9);
        run.status("RUNNING");
        ::_exit(0);
    }
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(writer), &ended, WEXITED | WNOWAIT),
              0);  // nobody has waited for it yet
    ASSERT_EQ(status_of().at("state"), "RUNNING");
    RunFolder::settle(path, "rank 1 was killed");
    EXPECT_EQ(status_of().at("state"), "FAILED");
    EXPECT_EQ(status_of().at("message"), "rank 1 was killed");
    EXPECT_EQ(status_of().at("step"), 3);
    EXPECT_EQ(status_of().at("attempt"), 1);
    ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
    RunFolder::settle(path, "again");
    EXPECT_EQ(status_of().at("message"), "rank 1 was killed");
    // Somebody who is still there goes on.
    RunFolder alive = RunFolder::claim(folder(), id);
    alive.status("RUNNING");
    RunFolder::settle(path, "not so", std::chrono::milliseconds(50));
    EXPECT_EQ(status_of().at("state"), "RUNNING");
}

TEST_F(Run, IsSettledOnceItsWriterHasEndedTooAMomentLater) {
    const fs::path path = RunFolder::folder(folder(), id);
    const pid_t writer = ::fork();
    if (writer == 0) {
        RunFolder::claim(folder(), id).status("RUNNING");
        ::usleep(300'000);
        ::_exit(0);
    }
    while (!fs::exists(path / "status.json")) ::usleep(1000);
    RunFolder::settle(path, "rank 1 was killed");
    EXPECT_EQ(nlohmann::json::parse(read_text(path / "status.json")).at("state"), "FAILED");
    ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
}

TEST_F(Run, LinksToARunAreMovedAndNothingElseIs) {
    link_run("", folder() / "first");
    link_run((folder() / "out" / "here").string(), folder() / "first");
    link_run((folder() / "out" / "here").string(), folder() / "second");
    EXPECT_EQ(fs::read_symlink(folder() / "out" / "here"), folder() / "second");
    EXPECT_THROW(link_run((folder() / "out").string(), folder() / "first"), StorageError);
}

TEST_F(Run, AnOvertakenAttemptMayNotWrite) {
    RunFolder old = RunFolder::claim(folder(), id);
    RunFolder current = RunFolder::claim(folder(), id);
    EXPECT_THROW(old.status("RUNNING"), StorageError);
    EXPECT_THROW(old.finish(), StorageError);
    EXPECT_FALSE(RunFolder::is_done(folder(), id));
    current.finish();
    EXPECT_TRUE(RunFolder::is_done(folder(), id));
}

TEST(Store, IsTheOptionThenTheVariableThenTheFolderHere) {
    ::unsetenv("VTVC_STORE");
    EXPECT_EQ(store_folder(""), "vtvc-store");
    ::setenv("VTVC_STORE", "/from/variable", 1);
    EXPECT_EQ(store_folder(""), "/from/variable");
    EXPECT_EQ(store_folder("/from/option"), "/from/option");
    ::unsetenv("VTVC_STORE");
}

TEST(Provenance, SaysWhatWasRunFromWhat) {
    const auto json = nlohmann::json::parse(provenance_json("vtvc-worker job.toml", 2, {{"/a.h5", "00ff"}}));
    EXPECT_EQ(json.at("commit"), code_version());
    EXPECT_EQ(json.at("command"), "vtvc-worker job.toml");
    EXPECT_EQ(json.at("ranks"), 2);
    EXPECT_EQ(json.at("inputs").at("/a.h5"), "00ff");
    EXPECT_TRUE(json.contains("versions") && json.contains("host") && json.contains("time"));
}

TEST(CodeVersion, IsACommitOrUnknown) {
    const std::string version = code_version().substr(0, code_version().find('+'));
    EXPECT_TRUE(version == "unknown" ||
                (version.size() >= 12 && version.find_first_not_of("0123456789abcdef") == std::string::npos))
        << version;
}

}  // namespace
}  // namespace vtvc
