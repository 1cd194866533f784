#include "vtvc/core/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vtvc {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds terminal_interval{200};
constexpr std::chrono::seconds file_interval{10};

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Progress::Progress(std::string label, std::int64_t total, std::string unit, std::int64_t start)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      start_(start),
      done_(start),
      begin_(Clock::now()),
      last_print_(begin_),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    try {
        if (done_ < total_ && done_ > start_) print("stopped", true);
        if (done_ < total_ && done_ == start_ && printed_ && terminal_) std::fputc('\n', stderr);
    } catch (...) {  // a destructor may run while another exception is on its way
    }
}

void Progress::update(std::int64_t done, const std::string& extra) {
    done_ = done;
    const bool last = done_ >= total_;
    const auto since = Clock::now() - last_print_;
    if (last || (terminal_ ? since >= terminal_interval : since >= file_interval)) print(extra, last);
}

void Progress::print(const std::string& extra, bool last) {
    const auto now = Clock::now();
    const double spent = seconds_between(begin_, now);
    const double rate = spent > 0 ? static_cast<double>(done_ - start_) / spent : 0;
    std::string line = fmt::format("{}: {}/{} {}", label_, done_, total_, unit_);
    if (rate > 0) line += fmt::format(", {:.3g}/s", rate);
    if (last) {
        line += ", took " + duration_text(spent);
    } else if (rate > 0) {
        line += fmt::format(", {} left", duration_text(static_cast<double>(total_ - done_) / rate));
    }
    if (!extra.empty()) line += "  " + extra;
    // \r and "erase to the end of the line" rewrite in place.
    std::fputs(
        terminal_ ? fmt::format("\r{}\x1b[K{}", line, last ? "\n" : "").c_str() : (line + "\n").c_str(),
        stderr);
    std::fflush(stderr);
    last_print_ = now;
    printed_ = true;
}

std::string duration_text(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) return "?";
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    const auto whole = std::llround(seconds);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} m", whole / 3600, whole % 3600 / 60);
}

void say(const std::string& text) { std::fputs(fmt::format("info: {}\n", text).c_str(), stderr); }

void warn(const std::string& text) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    std::fputs(fmt::format("{}WARNING: {}{}\n", terminal ? "\x1b[1;33m" : "", text, terminal ? "\x1b[0m" : "")
                   .c_str(),
               stderr);
}

}  // namespace vtvc
