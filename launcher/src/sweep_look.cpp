// vtvc sweep status, logs, explain: what is known of a sweep. Nothing is written.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "output.hpp"
#include "sweep_screen.hpp"
#include "sweep_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/sweep/overview.hpp"

namespace vtvc {
namespace {

using sweep::Overview;
using sweep::State;

constexpr std::size_t shown_rows = 40;

struct Look {
    SweepPlace place;
    std::string run;
    bool json = false, all = false;
    std::size_t tail = 0;
};

Json run_json(const Overview& sweep, std::size_t i) {
    const auto& about = sweep.run(i);
    Json settings = Json::object();
    for (const auto& [axis, label] : sweep.plan().settings(i)) settings[axis] = label;
    return {{"key", sweep::key_text(sweep.plan().key(i))},
            {"id", about.id.empty() ? Json(nullptr) : Json(about.id)},
            {"stage", sweep.plan().file().stages[sweep.plan().stage_of(i)].name},
            {"settings", settings},
            {"state", sweep::state_name(sweep.state_of(i))},
            {"attempts", about.attempts},
            {"seconds", about.seconds},
            {"step", about.step},
            {"cause", about.cause},
            {"text", about.text},
            {"metric", std::isfinite(about.metric) ? Json(about.metric) : Json(nullptr)}};
}

int code_of(const sweep::Counts& counts) {
    if (counts.done + counts.cancelled == counts.all) return exit_code::done;
    return counts.running + counts.queued + counts.planned > 0 ? exit_code::checkpointed : exit_code::failed;
}

/// What a person wants to see: everything that is neither done nor still to be tried for the first time.
bool of_interest(State state) { return state != State::done && state != State::planned; }

std::string status_text(const Overview& sweep, const sweep::Counts& counts, bool all) {
    std::string text = fmt::format("sweep {}: {}\n", sweep.plan().file().name, counts_text(counts));
    text +=
        sweep.manager()
            ? fmt::format("managed by {}\n", sweep.manager()->text())
            : std::string(code_of(counts) == 0 ? "" : "nobody manages it ('vtvc sweep resume' goes on)\n");
    if (std::isfinite(counts.best_metric))
        text += fmt::format("best {}: {:.6g} ({})\n", sweep.plan().file().metric.name, counts.best_metric,
                            sweep.plan().name(counts.best));
    for (const std::string& note : sweep.journal_notes()) text += "journal: " + note + "\n";
    std::size_t shown = 0, left = 0;
    for (std::size_t i = 0; i < sweep.plan().size(); ++i) {
        if (sweep.plan().same_as(i) != i) continue;
        const State state = sweep.state_of(i);
        if (!all && !of_interest(state)) continue;
        if (!all && shown >= shown_rows) {
            ++left;
            continue;
        }
        if (shown++ == 0) text += fmt::format("\n{:<16}  {:<18}  {:>8}  run\n", "key", "state", "seconds");
        const auto& about = sweep.run(i);
        text += fmt::format("{:<16}  {:<18}  {:>8.1f}  {}{}\n", sweep::key_text(sweep.plan().key(i)),
                            sweep::state_name(state), about.seconds, sweep.plan().name(i),
                            about.cause.empty() ? "" : fmt::format("  ({}: {})", about.cause, about.text));
    }
    if (left > 0) text += fmt::format("… and {} more (--all)\n", left);
    return text;
}

void show_status(const Look& look) {
    const Overview sweep(look.place.what, look.place.store_folder());
    const auto counts = sweep.counts();
    const int code = code_of(counts);
    if (look.json) {
        Json rows = Json::array();
        for (std::size_t i = 0; i < sweep.plan().size(); ++i)
            if (sweep.plan().same_as(i) == i && (look.all || of_interest(sweep.state_of(i))))
                rows.push_back(run_json(sweep, i));
        Json manager = nullptr;
        if (sweep.manager())
            manager = {{"host", sweep.manager()->host},
                       {"pid", sweep.manager()->pid},
                       {"since", sweep.manager()->since}};
        Json best = nullptr;
        if (std::isfinite(counts.best_metric))
            best = {{"metric", sweep.plan().file().metric.name},
                    {"value", counts.best_metric},
                    {"run", sweep.plan().name(counts.best)}};
        print_json({{"sweep", sweep.plan().file().name},
                    {"folder", sweep.folder().path.string()},
                    {"manager", manager},
                    {"runs", counts.all},
                    {"done", counts.done},
                    {"running", counts.running},
                    {"queued", counts.queued},
                    {"planned", counts.planned},
                    {"failed", counts.failed},
                    {"cancelled", counts.cancelled},
                    {"best", best},
                    {"journal_notes", sweep.journal_notes()},
                    {"table", rows},
                    {"code", code}});
    } else {
        print_text(status_text(sweep, counts, look.all));
    }
    if (code != exit_code::done) throw Exit{code};
}

void show_explanation(const Look& look) {
    Overview sweep(look.place.what, look.place.store_folder());
    const std::size_t point = sweep.find_one(look.run);
    const auto lines = sweep.explain(point);
    if (look.json) {
        Json about = run_json(sweep, point);
        about["why"] = lines;
        return print_json(about);
    }
    for (const std::string& line : lines) print_text(line + "\n");
}

void show_log(const Look& look) {
    const Overview sweep(look.place.what, look.place.store_folder());
    const std::size_t point = sweep.find_one(look.run);
    const auto path = sweep.folder().log(sweep.plan().key(point));
    if (!std::filesystem::exists(path))
        fail<ConfigError>(
            "{} has no log (it was not started here); 'vtvc sweep explain' says where it stands",
            sweep.plan().name(point));
    std::string text = read_text(path);
    if (look.tail > 0) {
        std::size_t at = text.size(), lines = look.tail + (text.ends_with('\n') ? 1 : 0);
        while (at > 0 && (text[at - 1] != '\n' || --lines > 0)) --at;
        text.erase(0, at);
    }
    if (look.json)
        return print_json({{"run", sweep.plan().name(point)}, {"file", path.string()}, {"text", text}});
    print_text(text);
}

CLI::App& add_verb(CLI::App& sweep, const char* name, const char* help, const std::shared_ptr<Look>& look) {
    CLI::App& verb = *sweep.add_subcommand(name, help);
    add_sweep_place(verb, look->place);
    add_json_flag(verb, look->json);
    return verb;
}

}  // namespace

void add_sweep_look(CLI::App& sweep) {
    auto status = std::make_shared<Look>();
    CLI::App& first =
        add_verb(sweep, "status",
                 "Where a sweep stands; ends with 0 when it is done, 75 when there is more to do, 1 when "
                 "what is left has failed",
                 status);
    first.add_flag("--all", status->all, "Show every run");
    first.callback([status] { show_status(*status); });
    auto explain = std::make_shared<Look>();
    CLI::App& second =
        add_verb(sweep, "explain", "Why a run waits or failed, and what a retry would do", explain);
    second.add_option("run", explain->run, "Beginning of its key or id, or its settings")->required();
    second.callback([explain] { show_explanation(*explain); });
    auto logs = std::make_shared<Look>();
    CLI::App& third = add_verb(sweep, "logs", "What a run printed", logs);
    third.add_option("run", logs->run, "Beginning of its key or id, or its settings")->required();
    third.add_option("--tail", logs->tail, "Only so many of the last lines");
    third.callback([logs] { show_log(*logs); });
}

}  // namespace vtvc
