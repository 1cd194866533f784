// Every system call that writes a file of each kind fails once in every way, and the writer is killed at
// every one: what stands under the final name is whole, the earlier file or the new one, and an error is one
// clear line.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <random>

#include "../storage/support.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc {
namespace {

struct Outcome {
    int code = 0;  ///< 128 + n for death by signal n
    std::string err;
};

class Writing : public testing::TestWithParam<const char*> {
  protected:
    /// The writer, with the shim told what to do.
    Outcome write(const std::string& value, long at, const std::string& how) const {
        const auto err = (scratch_ / "err").string(), count = (scratch_ / "count").string();
        const std::string kind = GetParam(), place = path_.string(), program = VTVC_BIN_DIR "/fault_writer";
        const std::vector<std::string> settings{
            "LD_PRELOAD=" VTVC_FAULT_SHIM, "VTVC_FAULT_FOLDER=" + folder_().string(),
            "VTVC_FAULT_AT=" + std::to_string(at), "VTVC_FAULT_HOW=" + how, "VTVC_FAULT_COUNT=" + count};
        std::vector<char*> environment;
        for (const auto& setting : settings) environment.push_back(const_cast<char*>(setting.c_str()));
        environment.push_back(nullptr);
        const char* const arguments[] = {program.c_str(), kind.c_str(), place.c_str(), value.c_str(),
                                         nullptr};
        const auto child = ::fork();
        if (child == 0) {
            const int out = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            ::dup2(out, STDERR_FILENO);
            ::execve(program.c_str(), const_cast<char* const*>(arguments), environment.data());
            ::_exit(99);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), test::bytes_of(err)};
    }
    std::filesystem::path folder_() const { return folder_path_ / ""; }
    long count() const { return std::stol(test::bytes_of(scratch_ / "count")); }
    std::size_t files() const { return files_.files(); }
    /// Hash of what lies under the final name; fails the test unless it is whole.
    std::string loaded() const {
        const auto hash = content_hash_of(path_.string());
        EXPECT_TRUE(GetParam() == std::string("text") || verify_file(path_, 1).whole());
        return hash;
    }
    /// Both contents' hashes, and how many calls a writing takes; the earlier file is in place.
    void prepare() {
        ASSERT_EQ(write("2", 0, "0").code, 0);
        new_ = loaded();
        calls_ = count();
        ASSERT_EQ(write("1", 0, "0").code, 0);
        old_ = loaded();
        earlier_ = test::bytes_of(path_);
        ASSERT_NE(old_, new_);
        ASSERT_GE(calls_, 4) << "the shim sees too few calls to mean anything";
    }
    void put_earlier() const { test::put_bytes(path_, earlier_); }

    test::Folder files_, scratch_;
    std::filesystem::path folder_path_ = files_ / "";
    std::filesystem::path path_ = files_ / "file.h5";
    std::string old_, new_, earlier_;
    long calls_ = 0;
};

TEST_P(Writing, AnyCallThatFailsGivesOneErrorAndLeavesAWholeFile) {
    prepare();
    const std::vector<std::string> ways{std::to_string(ENOSPC), std::to_string(EIO), std::to_string(EDQUOT),
                                        std::to_string(EROFS), "short"};
    long failed = 0;
    for (long at = 1; at <= calls_; ++at)
        for (const auto& how : ways) {
            const auto outcome = write("2", at, how);
            const auto hash = loaded();
            ASSERT_TRUE(outcome.code == 0 || outcome.code == 3)
                << "call " << at << " " << how << ": " << outcome.code;
            if (outcome.code == 0) {
                EXPECT_EQ(hash, new_) << "call " << at << " " << how;
            } else {
                ++failed;
                EXPECT_TRUE(hash == old_ || hash == new_);
                EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
                EXPECT_NE(outcome.err.find("file.h5"), std::string::npos) << outcome.err;
            }
            EXPECT_EQ(files(), 1U) << "call " << at << " " << how << " left something behind";
            put_earlier();
        }
    EXPECT_GE(failed, calls_ * 3) << "hardly any fault was noticed";
}

TEST_P(Writing, KilledAtAnyCallAWholeFileStands) {
    prepare();
    constexpr long points = 210;  // seven kinds: more than 1,000 in all
    std::minstd_rand chance(7);
    long old = 0;
    for (long i = 0; i < points; ++i) {
        // The last two calls for certain: they follow the rename. The others by lot.
        const long last = calls_ * 3 - 1 - i;
        const auto point =
            i < 6 ? last : static_cast<long>(chance() % static_cast<unsigned long>(calls_ * 3));
        const char* const how = point % 3 == 0 ? "kill" : point % 3 == 1 ? "kill-half" : "kill-after";
        const auto outcome = write("2", 1 + point / 3, how);
        EXPECT_EQ(outcome.code, 128 + SIGKILL);
        const auto hash = loaded();
        ASSERT_TRUE(hash == old_ || hash == new_) << how << " at call " << 1 + point / 3;
        old += hash == old_ ? 1 : 0;
        put_earlier();
        for (const auto& entry : std::filesystem::directory_iterator(folder_path_))  // what the dead one left
            if (entry.path().extension() == ".partial") std::filesystem::remove(entry.path());
    }
    EXPECT_GT(old, 0);
    EXPECT_LT(old, points);  // some were killed after the rename
}

/// A disk in memory of a megabyte, for the time of a test; needs root.
class SmallDisk : public testing::Test {
  protected:
    void SetUp() override {
        mounted_ = ::mount("tmpfs", folder_().c_str(), "tmpfs", 0, "size=1m") == 0;
        if (!mounted_) GTEST_SKIP() << "a disk can be mounted here by root only";
    }
    ~SmallDisk() override {
        if (mounted_) ::umount2(folder_().c_str(), MNT_DETACH);
    }
    std::filesystem::path folder_() const { return place_ / ""; }
    static TensorFile file(std::size_t numbers) {
        TensorFile made;
        made.kind = "checkpoint";
        const std::vector<float> values(numbers, 1);
        made.tensors["weights"] = HostTensor::of<float>({static_cast<std::int64_t>(numbers)}, values);
        return made;
    }
    test::Folder place_;
    bool mounted_ = false;
};

TEST_F(SmallDisk, WhatDoesNotFitIsRefusedAndTheEarlierFileStays) {
    file(1000).write(folder_() / "a.h5");
    const auto before = content_hash_of(folder_().string() + "a.h5");
    test::expect_refused([&] { file(1'000'000).write(folder_() / "a.h5"); },
                         {"no room", "a.h5", "it needs 4."});
    // Fill the disk but for 64 KiB, so that what is asked for first is more than there is.
    test::put_bytes(folder_() / "filler", std::string(900'000, 'x'));
    test::expect_refused([&] { file(30'000).write(folder_() / "a.h5"); }, {"no room", "a.h5"});
    EXPECT_EQ(content_hash_of(folder_().string() + "a.h5"), before);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_()), {}), 2);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Writing,
                         testing::Values("dataset", "features", "jacobian", "predictions", "checkpoint",
                                         "bank", "text"),
                         [](const auto& about) { return std::string(about.param); });

}  // namespace
}  // namespace vtvc
