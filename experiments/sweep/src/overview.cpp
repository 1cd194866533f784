#include "vtvc/sweep/overview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "run_facts.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc::sweep {
namespace {

constexpr std::size_t named = 3;

bool has_settings(const Plan& plan, std::size_t point, const std::string& text) {
    std::istringstream words(text);
    const auto settings = plan.settings(point);
    bool any = false;
    for (std::string word; words >> word; any = true) {
        const auto equals = word.find('=');
        const bool fits =
            equals == std::string::npos
                ? plan.file().stages[plan.stage_of(point)].name == word
                : std::find(settings.begin(), settings.end(),
                            std::pair{word.substr(0, equals), word.substr(equals + 1)}) != settings.end();
        if (!fits) return false;
    }
    return any;
}

}  // namespace

Overview::Overview(const std::string& what, const std::filesystem::path& store)
    : folder_(find_sweep(what, store)),
      plan_(Plan::load(folder_.frozen().string())),
      stock_(plan_, std::filesystem::absolute(store)) {
    std::error_code none;
    if (std::filesystem::exists(folder_.journal(), none)) {
        JournalContents contents = parse_journal(read_text(folder_.journal()));
        state_ = replay(contents.records);
        notes_ = std::move(contents.notes);
    }
    manager_ = last_owner(folder_.path);
    if (manager_ && (manager_->released || life_of(*manager_) == Life::dead)) manager_.reset();
}

State Overview::state_of(std::size_t point) const {
    const State state = run(point).state;
    return state == State::running && !manager_ ? State::queued : state;
}

Counts Overview::counts() const {
    Counts counts;
    counts.all = plan_.runs();
    const bool up = plan_.file().metric.goal == Goal::maximize;
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (plan_.same_as(i) != i) continue;
        switch (state_of(i)) {
            case State::done:
                ++counts.done;
                break;
            case State::running:
                ++counts.running;
                break;
            case State::queued:
            case State::checkpointed:
                ++counts.queued;
                break;
            case State::failed:
            case State::failed_no_progress:
            case State::lost:
                ++counts.failed;
                break;
            case State::cancelled:
            case State::pruned:
                ++counts.cancelled;
                break;
            case State::planned:
                ++counts.planned;
                break;
        }
        const double metric = run(i).metric;
        if (std::isfinite(metric) && (!std::isfinite(counts.best_metric) ||
                                      (up ? metric > counts.best_metric : metric < counts.best_metric))) {
            counts.best_metric = metric;
            counts.best = i;
        }
    }
    return counts;
}

std::vector<std::size_t> Overview::find(const std::string& text) const {
    std::vector<std::size_t> by_key, by_name;
    const bool digits = text.size() >= 4 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        if (plan_.same_as(i) != i) continue;
        if (digits && (key_text(plan_.key(i)).starts_with(text) || run(i).id.starts_with(text)))
            by_key.push_back(i);
        if (plan_.name(i) == text) return {i};
        if (has_settings(plan_, i, text)) by_name.push_back(i);
    }
    if (by_key.empty() && by_name.empty())
        fail<ConfigError>(
            "no run of the sweep '{}' is called '{}' (the beginning of a key or an id, or settings like "
            "\"{}\")",
            plan_.file().name, text, plan_.name(0));
    return by_key.empty() ? by_name : by_key;
}

std::size_t Overview::find_one(const std::string& text) const {
    const auto found = find(text);
    if (found.size() > 1) {
        std::string names;
        for (std::size_t i = 0; i < std::min(named, found.size()); ++i)
            names += fmt::format("{}{}", i == 0 ? "" : ", ", plan_.name(found[i]));
        fail<ConfigError>("'{}' fits {} runs ({}{}); say more of it", text, found.size(), names,
                          found.size() > named ? ", …" : "");
    }
    return found.front();
}

std::vector<std::string> Overview::explain(std::size_t point) {
    const RunState& about = run(point);
    const State now = state_of(point);
    std::vector<std::string> lines{fmt::format("{} is {}", plan_.name(point), state_name(now))};
    if (about.attempts > 0)
        lines.push_back(fmt::format(
            "{} attempts, {} of them ended badly, {:.1f} s in all{}", about.attempts, about.failures,
            about.seconds, about.step >= 0 ? fmt::format(", the furthest to step {}", about.step) : ""));
    if (!about.cause.empty() || !about.text.empty())
        lines.push_back(fmt::format("the last one: {}{}", about.cause.empty() ? "" : about.cause + ": ",
                                    about.text.empty() ? fmt::format("code {}", about.code) : about.text));
    std::vector<std::size_t> open;
    for (const std::size_t other : plan_.needs(point))
        if (!stock_.done(other)) open.push_back(other);
    for (const std::size_t other : open)
        lines.push_back(
            fmt::format("it waits for {}, which is {}", plan_.name(other), state_name(state_of(other))));
    for (const std::size_t stage : plan_.stages_before(plan_.stage_of(point))) {
        std::size_t left = 0;
        for (auto [i, end] = plan_.points_of(stage); i < end; ++i)
            if (plan_.same_as(i) == i && !stock_.done(i)) ++left;
        if (left > 0)
            lines.push_back(fmt::format("it waits for the stage '{}', of which {} runs are left",
                                        plan_.file().stages[stage].name, left));
    }
    if (now == State::done) {
        lines.push_back("finished in " + stock_.folder(point).string());
    } else if (is_final(now) || now == State::lost) {
        lines.push_back(about.cause == "config"
                            ? "'retry' would try it again, but what is wrong in its file stays wrong"
                            : fmt::format("'retry' would count its attempts from zero and start it{}",
                                          about.step > 0 ? ", from its last checkpoint" : ""));
    } else if (open.empty() && now == State::planned) {
        lines.push_back(manager_ ? "it can start when cores are free"
                                 : "it can start: nobody manages the sweep ('resume')");
    } else if (!manager_) {
        lines.push_back("nobody manages the sweep: 'resume' goes on");
    }
    if (const auto log = folder_.log(plan_.key(point)); std::filesystem::exists(log))
        lines.push_back("its output: " + log.string());
    return lines;
}

}  // namespace vtvc::sweep
