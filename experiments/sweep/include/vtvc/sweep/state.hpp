#pragma once
// From a journal to where a sweep stands: pure functions, so that whoever replays the records decides the
// same.
#include <limits>
#include <span>
#include <string>
#include <unordered_map>

#include "vtvc/sweep/journal.hpp"
#include "vtvc/sweep/sweep_file.hpp"

namespace vtvc::sweep {

struct RunState {
    State state = State::planned;
    int attempts = 0;  ///< since somebody asked for a retry
    int failures = 0;  ///< attempts that ended badly
    int stalls = 0;    ///< attempts in a row that got no further than the one before
    std::int64_t step = -1;
    int code = 0;
    std::string cause, text, id;
    double seconds = 0;  ///< of all attempts
    double since = 0;    ///< of the last record
    double metric = std::numeric_limits<double>::quiet_NaN();
    std::int64_t pid = 0;
};
struct SweepState {
    std::unordered_map<Key, RunState> runs;  ///< those of which the journal says something
    std::string fingerprint;                 ///< of the plan; empty: the sweep was never begun
    const RunState& run(Key key) const;
};

void apply(SweepState& state, const Record& record);
SweepState replay(std::span<const Record> records);

/// No further attempt follows by itself.
bool is_final(State state);

/// How an attempt ended.
struct Attempt {
    enum class Stopped { by_itself, by_time_limit, by_wish } stopped = Stopped::by_itself;
    int code = 0;      ///< as a shell gives it
    std::string text;  ///< why, in a line
    std::int64_t step = -1;
};
/// "signal", "node", "memory", "time", "nan", "disk", "config", "start", "fence", "error"; empty for 0
/// and 75.
std::string cause_of(const Attempt& attempt);
/// Causes that are tried again unless the file says which.
bool may_pass(const std::string& cause);

struct Verdict {
    State state = State::done;
    std::string cause;
    double wait_s = 0;  ///< before the next attempt, for state queued
};
/// chance: uniform in [0, 1], for the jitter.
Verdict judge(const Retry& retry, const RunState& before, const Attempt& attempt, double chance);

}  // namespace vtvc::sweep
