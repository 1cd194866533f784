#include "sweep_screen.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "vtvc/core/progress.hpp"

namespace vtvc {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds redraw{250};
constexpr std::chrono::seconds sparse{30};

}  // namespace

std::string counts_text(const sweep::Counts& counts) {
    std::string text = fmt::format("{} of {} done", counts.done, counts.all);
    const auto add = [&](std::size_t count, const char* what) {
        if (count > 0) text += fmt::format(", {} {}", count, what);
    };
    add(counts.running, "running");
    add(counts.queued, "to be tried again");
    add(counts.failed, "failed");
    add(counts.cancelled, "cancelled");
    add(counts.planned, "to do");
    return text;
}

SweepScreen::SweepScreen(const sweep::Plan& plan)
    : plan_(plan), terminal_(::isatty(STDERR_FILENO) == 1), begin_(Clock::now()) {}

std::string SweepScreen::line(const sweep::Counts& counts) const {
    std::string text = fmt::format("{}: {}", plan_.file().name, counts_text(counts));
    const double passed = std::chrono::duration<double>(Clock::now() - begin_).count();
    const std::size_t ours = counts.done - done_at_begin_;
    const std::size_t left = counts.planned + counts.queued + counts.running;
    if (ours > 0 && left > 0)
        text += fmt::format(", {} left",
                            duration_text(passed * static_cast<double>(left) / static_cast<double>(ours)));
    if (std::isfinite(counts.best_metric))
        text += fmt::format(", best {} {:.4g} ({})", plan_.file().metric.name, counts.best_metric,
                            plan_.name(counts.best));
    return text;
}

void SweepScreen::show(const sweep::Counts& counts, bool last) {
    if (first_) {
        first_ = false;
        done_at_begin_ = counts.done;
    }
    const auto now = Clock::now();
    if (!last && now - last_ < (terminal_ ? std::chrono::duration_cast<Clock::duration>(redraw) : sparse))
        return;
    const std::string text = line(counts);
    last_ = now;
    if (text == before_ && !last) return;
    if (text == before_ && !terminal_) return;
    before_ = text;
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[2K" : "", text, terminal_ && !last ? "" : "\n");
    std::fflush(stderr);
    drawn_ = terminal_ && !last;
}

void SweepScreen::note(const std::string& line) {
    fmt::print(stderr, "{}{}\n", drawn_ ? "\r\033[2K" : "", line);
    std::fflush(stderr);
    drawn_ = false;
    before_.clear();
}

}  // namespace vtvc
