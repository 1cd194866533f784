#include "vtvc/sweep/state.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "vtvc/core/exit_code.hpp"

namespace vtvc::sweep {
namespace {

bool contains(std::string_view text, std::string_view part) {
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }) !=
           text.end();
}

}  // namespace

const RunState& SweepState::run(Key key) const {
    static const RunState nothing;
    const auto found = runs.find(key);
    return found == runs.end() ? nothing : found->second;
}

void apply(SweepState& state, const Record& record) {
    if (record.kind == RecordKind::open) state.fingerprint = record.text;
    if (record.run == 0) return;
    RunState& run = state.runs[record.run];
    run.since = record.time;
    if (record.kind == RecordKind::start) {
        run.state = State::running;
        run.attempts = record.attempt;
        run.pid = record.pid;
    } else if (record.kind == RecordKind::end) {
        run.state = record.state;
        run.code = record.code;
        run.cause = record.cause;
        run.text = record.text;
        run.seconds += record.seconds;
        if (!record.id.empty()) run.id = record.id;
        const bool went_on = record.state == State::done || record.step > run.step;
        // What somebody wished to stop has not stalled.
        if (!record.cause.empty() || record.state == State::failed_no_progress || record.code != 0)
            run.stalls = went_on || record.cause == "stopped" ? 0 : run.stalls + 1;
        if (record.cause != "stopped" && record.cause != "fence" && record.code != 0 &&
            record.code != exit_code::checkpointed)
            ++run.failures;
        run.step = std::max(run.step, record.step);
        if (std::isfinite(record.metric)) run.metric = record.metric;
        run.pid = 0;
    } else if (record.kind == RecordKind::found) {
        run.state = State::done;
        run.id = record.id;
        run.cause.clear();
        run.text.clear();
        if (std::isfinite(record.metric)) run.metric = record.metric;
    } else if (record.kind == RecordKind::cancel) {
        run.state = State::cancelled;
    } else if (record.kind == RecordKind::retry) {
        RunState fresh;
        fresh.since = record.time;
        fresh.step = run.step;
        fresh.seconds = run.seconds;
        run = fresh;
    }
}

SweepState replay(std::span<const Record> records) {
    SweepState state;
    for (const Record& record : records) apply(state, record);
    return state;
}

bool is_final(State state) {
    return state == State::done || state == State::failed || state == State::failed_no_progress ||
           state == State::pruned || state == State::cancelled;
}

std::string cause_of(const Attempt& attempt) {
    if (attempt.code == exit_code::done) return "";
    if (attempt.stopped == Attempt::Stopped::by_time_limit || attempt.code == 124) return "time";
    if (attempt.stopped == Attempt::Stopped::by_wish) return "stopped";
    if (attempt.code == exit_code::checkpointed) return "";
    if (attempt.code == exit_code::config) return "config";
    if (attempt.code == 126 || attempt.code == 127) return "start";
    if (attempt.code == 205) return "node";  // mpirun has lost a host
    if (contains(attempt.text, "was overtaken by a later one")) return "fence";
    if (contains(attempt.text, "out of memory") || contains(attempt.text, "bad_alloc") ||
        contains(attempt.text, "cannot allocate"))
        return "memory";
    if (attempt.code > 128) return "signal";
    if (contains(attempt.text, "no space left") || contains(attempt.text, "no room for") ||
        contains(attempt.text, "input/output error"))
        return "disk";
    if (contains(attempt.text, "not finite") || attempt.text.find("NaN") != std::string::npos) return "nan";
    return "error";
}

bool may_pass(const std::string& cause) {
    return cause == "signal" || cause == "node" || cause == "memory" || cause == "time" || cause == "disk";
}

Verdict judge(const Retry& retry, const RunState& before, const Attempt& attempt, double chance) {
    if (attempt.code == exit_code::done) return {State::done, "", 0};
    const std::string cause = cause_of(attempt);
    if (cause == "stopped") return {State::checkpointed, cause, 0};
    const bool stalled = attempt.step <= before.step;
    if (stalled && before.stalls + 1 >= retry.max_stalls &&
        (attempt.code == exit_code::checkpointed || cause == "time"))
        return {State::failed_no_progress, cause, 0};
    if (attempt.code == exit_code::checkpointed) return {State::queued, cause, 0};
    // Another claimed the run after us: it is theirs to finish, ours to look at again.
    if (cause == "fence") return {State::queued, cause, retry.base_s};
    const bool again = retry.on.empty()
                           ? may_pass(cause)
                           : std::find(retry.on.begin(), retry.on.end(), cause) != retry.on.end();
    if (!again || before.failures + 1 >= retry.max_attempts) return {State::failed, cause, 0};
    const double wait = std::min(retry.max_s, retry.base_s * std::pow(retry.factor, before.failures));
    return {State::queued, cause, wait * (1 + retry.jitter * (2 * chance - 1))};
}

}  // namespace vtvc::sweep
