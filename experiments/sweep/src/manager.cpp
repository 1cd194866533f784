#include "vtvc/sweep/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "run_facts.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/core/run_folder.hpp"

namespace vtvc::sweep {
namespace {

constexpr double longest_nap_s = .25;  ///< between two looks at requests, limits and the claim
constexpr std::chrono::seconds look_elsewhere_again{2};
constexpr std::chrono::seconds last_grace{10};  ///< `vtvc run` needs 5 to end ranks that do not listen

Shape shape_of(const Plan::Needs& needs) { return {needs.cpus, needs.gpus, needs.memory_mb}; }

}  // namespace

Manager::Manager(const Plan& plan, Stock& stock, Journal& journal, Executor& executor, Screen& screen,
                 ManagerSettings settings)
    : plan_(plan),
      stock_(stock),
      journal_(journal),
      executor_(executor),
      screen_(screen),
      settings_(std::move(settings)),
      state_(replay(journal.before().records)),
      packing_(settings_.machine),
      unmet_(plan.size()),
      stage_left_(plan.file().stages.size()),
      stages_after_(plan.file().stages.size()),
      stage_seconds_(plan.file().stages.size()),
      stage_cost_(plan.file().stages.size()) {
    for (std::size_t i = 0; i < plan.file().stages.size(); ++i) {
        const auto needs = plan.resources(plan.points_of(i).first);
        if (!packing_.possible(shape_of(needs)))
            fail<ConfigError>(
                "stage '{}' needs {} cores, {} GPUs and {:.0f} MiB for a run, more than the {} cores, {} "
                "GPUs and {:.0f} MiB to be used here; lower its [resources], or give more with -j",
                plan.file().stages[i].name, needs.cpus, needs.gpus, needs.memory_mb,
                settings_.machine.cores.size(), settings_.machine.gpus.size(), settings_.machine.memory_mb);
        for (const std::size_t before : plan.stages_before(i)) stages_after_[before].push_back(i);
    }
    counts_.all = plan.runs();
    for (const std::string& note : journal.before().notes) screen_.note("journal: " + note);
}

void Manager::write(const Record& record) {
    journal_.write(record);
    apply(state_, record);
}

double Manager::expected_seconds(std::size_t point) const {
    const std::size_t stage = plan_.stage_of(point);
    const double cost = plan_.cost(point);
    if (stage_cost_[stage] > 0) return cost * stage_seconds_[stage] / stage_cost_[stage];
    const double limit = plan_.resources(point).time_s;
    return limit > 0 ? limit : cost * 1e-9;  // in the order of their costs, behind what is known
}

void Manager::read_dependencies() {
    bool any = false;
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (plan_.same_as(i) != i) continue;
        ++stage_left_[plan_.stage_of(i)];
        const auto needs = plan_.needs(i);
        if (!needs.empty() && !any) dependents_.resize(plan_.size());
        any = any || !needs.empty();
        unmet_[i] = static_cast<std::uint32_t>(needs.size());
        for (const std::size_t other : needs) dependents_[other].push_back(static_cast<std::uint32_t>(i));
    }
    for (std::size_t stage = 0; stage < stages_after_.size(); ++stage) {
        if (stage_left_[stage] == 0) continue;
        for (const std::size_t later : stages_after_[stage])
            for (auto [i, end] = plan_.points_of(later); i < end; ++i) ++unmet_[i];
    }
}

/// Runs that were under way when the manager before us went. Nothing of it lives any more (end_orphans).
void Manager::settle_what_ran() {
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (plan_.same_as(i) != i || state(i).state != State::running) continue;
        Record record;
        record.kind = RecordKind::end;
        record.run = plan_.key(i);
        record.attempt = state(i).attempts;
        record.state = State::queued;
        record.cause = "stopped";
        record.text = "its manager was gone";
        record.code = 137;
        try {
            stock_.refresh(i);
            if (const std::string id = stock_.id(i); !id.empty()) {
                const auto folder = stock_.folder(i);
                RunFolder::settle(folder, record.text);
                record.step = step_of(folder);
                record.id = id;
            }
        } catch (const Error& error) {
            record.state = State::lost;
            record.text = error.what();
        }
        write(record);
    }
}

void Manager::take_done(std::size_t point, bool found) {
    if (found) {
        Record record;
        record.kind = RecordKind::found;
        record.run = plan_.key(point);
        record.id = stock_.id(point);
        record.metric = final_metric(stock_.folder(point), plan_.file().metric.name);
        write(record);
    }
    ++counts_.done;
    const double metric = state(point).metric;
    const bool up = plan_.file().metric.goal == Goal::maximize;
    if (std::isfinite(metric) && (!std::isfinite(counts_.best_metric) ||
                                  (up ? metric > counts_.best_metric : metric < counts_.best_metric))) {
        counts_.best_metric = metric;
        counts_.best = point;
    }
    const std::size_t stage = plan_.stage_of(point);
    if (state(point).seconds > 0) {
        stage_seconds_[stage] += state(point).seconds;
        stage_cost_[stage] += plan_.cost(point);
    }
    const auto met = [&](std::size_t other) {
        if (unmet_[other] > 0 && --unmet_[other] == 0) offer(other);
    };
    if (!dependents_.empty())
        for (const std::uint32_t other : dependents_[point]) met(other);
    if (--stage_left_[stage] == 0)
        for (const std::size_t later : stages_after_[stage])
            for (auto [i, end] = plan_.points_of(later); i < end; ++i)
                if (plan_.same_as(i) == i) met(i);
}

/// A run whose needs are met: it may be done already, by an earlier sweep or by hand.
void Manager::offer(std::size_t point) {
    if (active_.contains(point)) return;
    const State now = state(point).state;
    try {
        if (stock_.done(point)) return take_done(point, now != State::done);
    } catch (const StorageError& error) {
        Record record;  // an input that another run has made cannot be read
        record.kind = RecordKind::end;
        record.run = plan_.key(point);
        record.state = State::failed;
        record.code = 1;
        record.cause = "error";
        record.text = error.what();
        write(record);
        return screen_.note(fmt::format("{}: cannot be started: {}", plan_.name(point), error.what()));
    }
    if (now == State::done) {
        Record record;  // its folder has gone: it is to be done again
        record.kind = RecordKind::retry;
        record.run = plan_.key(point);
        write(record);
        screen_.note(
            fmt::format("{}: the finished run has gone from the store, it is done again", plan_.name(point)));
    } else if (is_final(now)) {
        return;
    }
    make_ready(point);
}

void Manager::make_ready(std::size_t point) {
    packing_.remove(point);  // it may wait there already
    packing_.add(point, shape_of(plan_.resources(point)), expected_seconds(point));
}

bool Manager::runs_elsewhere(std::size_t point) { return has_live_writer(stock_.folder(point)); }

void Manager::start_what_fits() {
    while (!stopping_) {
        const auto placement = packing_.next();
        if (!placement) return;
        // Another sweep, or a person, may have done it or may be at it.
        stock_.refresh(placement->run);
        if (stock_.done(placement->run)) {
            packing_.release(*placement);
            take_done(placement->run, true);
        } else if (runs_elsewhere(placement->run)) {
            packing_.release(*placement);
            waiting_.push({Clock::now() + look_elsewhere_again, placement->run});
        } else {
            start(*placement);
        }
    }
}

void Manager::start(Placement placement) {
    const std::size_t point = placement.run;
    const Key key = plan_.key(point);
    const auto needs = plan_.resources(point);
    Order order;
    order.run = point;
    order.key = key_text(key);
    order.job = settings_.folder.job(key);
    order.log = settings_.folder.log(key);
    order.store = stock_.store();
    order.sweep = settings_.folder.path;
    order.ranks = needs.ranks;
    order.cores = placement.cores;
    order.gpus = placement.gpus;
    order.grace_s = settings_.grace_s;
    Record record;
    record.kind = RecordKind::start;
    record.run = key;
    record.attempt = state(point).attempts + 1;
    write(record);
    Active active{std::move(placement), Clock::now(), {}, needs.time_s > 0};
    if (active.limited)
        active.limit = active.since + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(needs.time_s));
    active_.emplace(point, std::move(active));
    try {
        const auto job = stock_.job(point);
        job->common.threads = needs.cpus / needs.ranks;
        write_plainly(order.job, resolved_toml(*job));
        executor_.start(order);
    } catch (const Error& error) {
        on_end({point, 1, error.what()});
    }
}

void Manager::on_end(const Ended& ended) {
    const auto found = active_.find(ended.run);
    if (found == active_.end()) return;
    const Active active = std::move(found->second);
    active_.erase(found);
    packing_.release(active.placement);
    const std::size_t point = ended.run;
    const auto folder = stock_.folder(point);
    Attempt attempt{active.over_time ? Attempt::Stopped::by_time_limit
                    : active.wished  ? Attempt::Stopped::by_wish
                                     : Attempt::Stopped::by_itself,
                    ended.code, ended.text, step_of(folder)};
    stock_.refresh(point);
    const bool done = stock_.done(point);
    if (attempt.code == 0 && !done) {
        attempt.code = 1;
        attempt.text = fmt::format("the run ended well but left no {}/DONE", folder.string());
    }
    if (done) attempt.code = 0;  // it was finished, whatever happened on the way out
    Stream chance(static_cast<std::uint64_t>(plan_.file().seed), Purpose::retry_jitter,
                  plan_.key(point) >> 24, static_cast<std::uint64_t>(state(point).attempts));
    Verdict verdict = judge(plan_.file().retry, state(point), attempt, chance.uniform());
    if (active.cancelled && verdict.state != State::done) verdict = {State::cancelled, "stopped", 0};
    Record record;
    record.kind = RecordKind::end;
    record.run = plan_.key(point);
    record.attempt = state(point).attempts;
    record.state = verdict.state;
    record.code = attempt.code;
    record.cause = verdict.cause;
    record.text = attempt.text;
    record.id = stock_.id(point);
    record.step = attempt.step;
    record.seconds = std::chrono::duration<double>(Clock::now() - active.since).count();
    if (done) record.metric = final_metric(folder, plan_.file().metric.name);
    write(record);
    if (done) {
        std::error_code ignored;
        std::filesystem::remove(settings_.folder.job(plan_.key(point)), ignored);
        return take_done(point, false);
    }
    if (verdict.state == State::queued && !stopping_) {
        screen_.note(fmt::format("{}: {}, again in {:.0f} s{}", plan_.name(point),
                                 verdict.cause.empty() ? "checkpointed" : verdict.cause, verdict.wait_s,
                                 attempt.text.empty() ? "" : " (" + attempt.text + ")"));
        waiting_.push({Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(verdict.wait_s)),
                       point});
    } else if (is_final(verdict.state)) {
        screen_.note(fmt::format("{}: {}, {}{}", plan_.name(point), state_name(verdict.state),
                                 verdict.cause.empty() ? "the same step again and again" : verdict.cause,
                                 attempt.text.empty() ? "" : ": " + attempt.text));
    }
}

void Manager::cancel(std::size_t point) {
    if (is_final(state(point).state)) return;
    if (const auto found = active_.find(point); found != active_.end()) {
        found->second.cancelled = found->second.wished = true;
        return executor_.stop(point, Executor::Stop::with_checkpoint);
    }
    packing_.remove(point);
    Record record;
    record.kind = RecordKind::cancel;
    record.run = plan_.key(point);
    write(record);
}

void Manager::retry(std::size_t point) {
    const State now = state(point).state;
    if (!is_final(now) || now == State::done) return;
    Record record;
    record.kind = RecordKind::retry;
    record.run = plan_.key(point);
    write(record);
    if (unmet_[point] == 0) offer(point);
}

void Manager::on_requests() {
    std::vector<std::string> notes;
    for (const Request& request : take_requests(settings_.folder, notes))
        for (const Key key : request.runs) {
            const std::size_t point = plan_.find(key);
            if (point == plan_.size()) continue;
            request.verb == Request::Verb::cancel ? cancel(point) : retry(point);
        }
    for (const std::string& note : notes) screen_.note(note);
}

void Manager::stop_all(Executor::Stop how) {
    stopping_ = true;
    for (auto& [point, active] : active_) {
        active.wished = true;
        executor_.stop(point, how);
    }
}

void Manager::enforce_limits() {
    const auto grace =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings_.grace_s)) +
        last_grace;
    for (auto& [point, active] : active_) {
        if (!active.limited || Clock::now() < active.limit) continue;
        if (!active.over_time) {
            active.over_time = true;
            executor_.stop(point, Executor::Stop::with_checkpoint);
        } else if (Clock::now() > active.limit + grace) {
            executor_.stop(point, Executor::Stop::at_once);  // what should have ended it stands still itself
        }
    }
}

bool Manager::nothing_left() const {
    return active_.empty() && (stopping_ || (packing_.waiting() == 0 && waiting_.empty()));
}

Counts Manager::counts() const {
    Counts counts = counts_;
    counts.running = active_.size();
    counts.queued = waiting_.size();
    for (const auto& [key, run] : state_.runs) {
        if (run.state == State::failed || run.state == State::failed_no_progress || run.state == State::lost)
            ++counts.failed;
        if (run.state == State::cancelled || run.state == State::pruned) ++counts.cancelled;
    }
    counts.planned = counts.all - std::min(counts.all, counts.done + counts.running + counts.queued +
                                                           counts.failed + counts.cancelled);
    return counts;
}

Manager::Outcome Manager::run(const std::atomic<int>& asked, const std::function<bool()>& still_ours) {
    read_dependencies();
    settle_what_ran();
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < plan_.size(); ++i)
        if (plan_.same_as(i) == i && unmet_[i] == 0) ready.push_back(i);
    for (const std::size_t point : ready) offer(point);
    int answered = 0;
    auto looked = Clock::now(), shown = Clock::time_point{};
    while (!nothing_left()) {
        if (const int now = asked; now > answered) {
            answered = now;
            stop_all(now == 1 ? Executor::Stop::with_checkpoint : Executor::Stop::at_once);
        }
        while (!waiting_.empty() && waiting_.top().at <= Clock::now() && !stopping_) {
            const std::size_t point = waiting_.top().point;
            waiting_.pop();
            if (!is_final(state(point).state)) offer(point);
        }
        start_what_fits();
        if (Clock::now() - shown >
            std::chrono::duration<double>(longest_nap_s)) {  // counting looks at every run
            screen_.show(counts(), false);
            shown = Clock::now();
        }
        if (nothing_left()) break;
        double nap = longest_nap_s;
        if (!waiting_.empty())
            nap = std::clamp(std::chrono::duration<double>(waiting_.top().at - Clock::now()).count(), .001,
                             nap);
        for (const Ended& ended : executor_.wait(nap)) on_end(ended);
        enforce_limits();
        if (Clock::now() - looked < std::chrono::duration<double>(longest_nap_s)) continue;
        looked = Clock::now();
        on_requests();
        journal_.sync();
        if (!still_ours())
            fail<Error>(
                "another manager has taken the sweep over (it took this one for dead); this one stops");
    }
    journal_.sync();
    const Counts end = counts();
    screen_.show(end, true);
    if (stopping_ && end.done + end.failed + end.cancelled < end.all) return Outcome::stopped;
    return end.done + end.cancelled == end.all ? Outcome::all_done : Outcome::some_failed;
}

}  // namespace vtvc::sweep
