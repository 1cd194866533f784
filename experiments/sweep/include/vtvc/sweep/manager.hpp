#pragma once
// Carries a sweep to its end: what can be started is packed onto the machine, what ends is judged, what was
// decided is in the journal before it happens. Whoever opens the same folder later goes on from the journal.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "vtvc/sweep/executor.hpp"
#include "vtvc/sweep/folder.hpp"
#include "vtvc/sweep/journal.hpp"
#include "vtvc/sweep/packing.hpp"
#include "vtvc/sweep/plan.hpp"
#include "vtvc/sweep/state.hpp"
#include "vtvc/sweep/stock.hpp"

namespace vtvc::sweep {

/// How many runs are in which state; the same work counts once.
struct Counts {
    std::size_t all = 0, done = 0, running = 0, queued = 0, planned = 0, failed = 0, cancelled = 0;
    double left_s = -1;  ///< expected; below 0: not known
    std::size_t best = 0;
    double best_metric = std::numeric_limits<double>::quiet_NaN();
};

/// Where progress is told.
class Screen {
  public:
    virtual ~Screen() = default;
    virtual void show(const Counts& counts, bool last) = 0;
    /// Something that a reader of a log wants to find: a run that failed, is tried again, …
    virtual void note(const std::string& line) = 0;
};

/// Changes that somebody asks of a sweep while a manager holds it: a file in its folder, taken by the
/// manager.
struct Request {
    enum class Verb { cancel, retry } verb = Verb::cancel;
    std::vector<Key> runs;
};
void leave_request(const SweepFolder& folder, const Request& request);
/// Takes what is there; damaged ones are dropped with a note.
std::vector<Request> take_requests(const SweepFolder& folder, std::vector<std::string>& notes);

/// The last value of a metric that a run wrote: a dotted key of metrics.jsonl, result.json or evaluation.json
/// ("validation.accuracy"). NaN: there is none.
double final_metric(const std::filesystem::path& run, const std::string& name);

struct ManagerSettings {
    SweepFolder folder;
    Machine machine;
    double grace_s = 30;  ///< for a checkpoint, when a run is asked to stop
};

class Manager {
  public:
    /// ConfigError: a run needs more than the machine has.
    Manager(const Plan& plan, Stock& stock, Journal& journal, Executor& executor, Screen& screen,
            ManagerSettings settings);
    enum class Outcome { all_done, some_failed, stopped };
    /// asked: how often somebody has asked us to stop; the second time runs are not given time. still_ours is
    /// asked now and then; false ends everything at once.
    Outcome run(const std::atomic<int>& asked, const std::function<bool()>& still_ours);
    Counts counts() const;

  private:
    using Clock = std::chrono::steady_clock;
    struct Waiting {
        Clock::time_point at;
        std::size_t point;
        bool operator<(const Waiting& other) const { return at > other.at; }
    };
    struct Active {
        Placement placement;
        Clock::time_point since, limit;
        bool limited = false, over_time = false, wished = false, cancelled = false;
    };

    void read_dependencies();
    void settle_what_ran();
    void offer(std::size_t point);
    void make_ready(std::size_t point);
    void take_done(std::size_t point, bool found);
    void start_what_fits();
    void start(Placement placement);
    bool runs_elsewhere(std::size_t point);
    void on_end(const Ended& ended);
    void on_requests();
    void cancel(std::size_t point);
    void retry(std::size_t point);
    void stop_all(Executor::Stop how);
    void enforce_limits();
    void write(const Record& record);
    bool nothing_left() const;
    double expected_seconds(std::size_t point) const;
    const RunState& state(std::size_t point) const { return state_.run(plan_.key(point)); }

    const Plan& plan_;
    Stock& stock_;
    Journal& journal_;
    Executor& executor_;
    Screen& screen_;
    ManagerSettings settings_;
    SweepState state_;
    Packing packing_;
    std::vector<std::uint32_t> unmet_;                    ///< needs and stages before that are not done
    std::vector<std::vector<std::uint32_t>> dependents_;  ///< empty where no run refers to another
    std::vector<std::size_t> stage_left_;
    std::vector<std::vector<std::size_t>> stages_after_;
    std::priority_queue<Waiting> waiting_;
    std::map<std::size_t, Active> active_;
    std::vector<double> stage_seconds_, stage_cost_;
    Counts counts_;
    bool stopping_ = false;
};

}  // namespace vtvc::sweep
