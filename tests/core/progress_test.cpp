#include "vtvc/core/progress.hpp"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <thread>

namespace vtvc {
namespace {

/// What write() writes to stderr, which is then no terminal.
template <class Write>
std::string stderr_of(Write write) {
    ::testing::internal::CaptureStderr();
    write();
    return ::testing::internal::GetCapturedStderr();
}

TEST(Progress, IsQuietButForTheLastLineWhereNobodyWatches) {
    const std::string text = stderr_of([] {
        Progress progress("training", 1000, "steps");
        for (int step = 1; step <= 1000; ++step) progress.update(step, "loss 0.5");
    });
    EXPECT_EQ(text.rfind("training: 1000/1000 steps, ", 0), 0u) << text;
    EXPECT_NE(text.find("took"), std::string::npos);
    EXPECT_EQ(text.substr(text.size() - 11), "  loss 0.5\n");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(Progress, RewritesOneLineOnATerminal) {
    int controller = -1, terminal = -1;
    ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(terminal, STDERR_FILENO);
    {
        Progress progress("training", 3, "steps");
        progress.update(1);  // within the first fifth of a second: not shown
        std::this_thread::sleep_for(std::chrono::milliseconds(250));
        progress.update(2);
        progress.update(3);
    }
    ::dup2(before, STDERR_FILENO);
    ::close(terminal);
    // The kernel hands the text over in parts; with the terminal closed, reading ends with an error after the
    // last.
    std::string text;
    char part[512];
    for (ssize_t got = 0; (got = ::read(controller, part, sizeof part)) > 0;)
        text.append(part, static_cast<std::size_t>(got));
    for (const int file : {before, controller}) ::close(file);
    EXPECT_EQ(text.find("1/3"), std::string::npos) << text;
    EXPECT_LT(text.find("\rtraining: 2/3 steps"), text.find("\rtraining: 3/3 steps")) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST(Progress, SaysWhereItStopped) {
    const std::string text = stderr_of([] {
        Progress progress("training", 1000, "steps");
        progress.update(20);
    });
    EXPECT_EQ(text.rfind("training: 20/1000 steps, ", 0), 0u) << text;
    EXPECT_NE(text.find("stopped"), std::string::npos);
}

TEST(Progress, SaysNothingOfWhatNeverBegan) {
    EXPECT_EQ(stderr_of([] { Progress progress("training", 1000, "steps", 20); }), "");
}

TEST(DurationText, IsReadable) {
    EXPECT_EQ(duration_text(0), "0.0 s");
    EXPECT_EQ(duration_text(3.24), "3.2 s");
    EXPECT_EQ(duration_text(9.96), "10 s");
    EXPECT_EQ(duration_text(59.4), "59 s");
    EXPECT_EQ(duration_text(59.6), "1 m 00 s");
    EXPECT_EQ(duration_text(125), "2 m 05 s");
    EXPECT_EQ(duration_text(3725), "1 h 02 m");
    EXPECT_EQ(duration_text(-1), "?");
    EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), "?");
}

TEST(Messages, SayTheirLevel) {
    EXPECT_EQ(stderr_of([] { say("reading"); }), "info: reading\n");
    EXPECT_EQ(stderr_of([] { warn("slow BLAS"); }), "WARNING: slow BLAS\n");
}

}  // namespace
}  // namespace vtvc
