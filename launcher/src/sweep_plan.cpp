// vtvc sweep plan: what a sweep file would run, what of it is done, and what the rest would cost.
#include <CLI/CLI.hpp>
#include <memory>

#include "output.hpp"
#include "sweep_verbs.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/sweep/folder.hpp"
#include "vtvc/sweep/stock.hpp"

namespace vtvc {
namespace {

using sweep::Plan;
using sweep::Stock;

constexpr std::size_t shown_rows = 40;

struct PlanRequest {
    SweepPlace place;
    bool json = false, all = false;
};

/// What is left to do.
struct Estimate {
    std::size_t runs = 0, unknown = 0;  ///< unknown: of stages of which no run is finished
    double core_hours = 0, gpu_hours = 0;
};

Estimate estimate(const Plan& plan, Stock& stock) {
    Estimate sum;
    const auto rates = seconds_a_unit(plan, stock);
    for (std::size_t i = 0; i < plan.size(); ++i) {
        if (plan.same_as(i) != i || stock.done(i)) continue;
        ++sum.runs;
        const double rate = rates[plan.stage_of(i)];
        if (rate <= 0) {
            ++sum.unknown;
            continue;
        }
        const auto needs = plan.resources(i);
        const double hours = rate * plan.cost(i) / 3600;
        sum.core_hours += hours * needs.cpus;
        sum.gpu_hours += hours * needs.gpus;
    }
    return sum;
}

Json row_of(const Plan& plan, Stock& stock, std::size_t i) {
    const auto needs = plan.resources(i);
    Json settings = Json::object();
    for (const auto& [axis, label] : plan.settings(i)) settings[axis] = label;
    Json waits = Json::array();
    for (const std::size_t other : plan.needs(i)) waits.push_back(sweep::key_text(plan.key(other)));
    const std::string id = stock.id(i);
    Json row{{"key", sweep::key_text(plan.key(i))},
             {"id", id.empty() ? Json(nullptr) : Json(id)},
             {"stage", plan.file().stages[plan.stage_of(i)].name},
             {"settings", settings},
             {"needs", waits},
             {"resources",
              {{"ranks", needs.ranks},
               {"cpus", needs.cpus},
               {"gpus", needs.gpus},
               {"memory_mb", needs.memory_mb},
               {"time_s", needs.time_s}}},
             {"done", stock.done(i)}};
    if (plan.same_as(i) != i) row["same_as"] = plan.name(plan.same_as(i));
    return row;
}

std::string table(const Plan& plan, Stock& stock, std::size_t rows) {
    std::string text = fmt::format("{:<16}  {:>5}  {:<8}  run\n", "id", "cores", "state");
    for (std::size_t i = 0; i < std::min(rows, plan.size()); ++i) {
        const std::string id = stock.id(i);
        const std::string state = plan.same_as(i) != i ? "the same"
                                  : stock.done(i)      ? "done"
                                  : id.empty()         ? "waits"
                                                       : "to do";
        text += fmt::format("{:<16}  {:>5}  {:<8}  {}\n", id.empty() ? "(not yet known)" : id,
                            plan.resources(i).cpus, state, plan.name(i));
    }
    if (rows < plan.size()) text += fmt::format("… and {} more (--all shows them)\n", plan.size() - rows);
    return text;
}

void show_plan(const PlanRequest& request) {
    const auto store = request.place.store_folder();
    const Plan plan = sweep::find_plan(request.place.what, store, request.place.scale);
    Stock stock(plan, store);
    const Estimate left = estimate(plan, stock);
    const std::size_t done = plan.runs() - left.runs;
    if (request.json) {
        Json rows = Json::array();
        for (std::size_t i = 0; i < plan.size(); ++i) rows.push_back(row_of(plan, stock, i));
        return print_json({{"sweep", plan.file().name},
                           {"points", plan.size()},
                           {"runs", plan.runs()},
                           {"done", done},
                           {"estimate",
                            {{"runs", left.runs},
                             {"without_an_estimate", left.unknown},
                             {"core_hours", left.core_hours},
                             {"gpu_hours", left.gpu_hours}}},
                           {"table", rows}});
    }
    std::string text = fmt::format("sweep {}: {} runs, {} done\n\n", plan.file().name, plan.runs(), done);
    if (plan.runs() != plan.size())
        text += fmt::format("{} points are the same work as another and are done once\n\n",
                            plan.size() - plan.runs());
    text += table(plan, stock, request.all ? plan.size() : shown_rows);
    text += fmt::format("\nleft: {} runs", left.runs);
    if (left.runs > left.unknown) {
        text += fmt::format(", {:.2f} core-hours", left.core_hours);
        if (left.gpu_hours > 0) text += fmt::format(" with {:.2f} GPU-hours", left.gpu_hours);
        text += " as the finished ones took";
    }
    if (left.unknown > 0) text += fmt::format(" ({} of stages of which none is finished)", left.unknown);
    print_text(text + "\n");
}

}  // namespace

void add_sweep_plan(CLI::App& sweep) {
    CLI::App& verb = *sweep.add_subcommand("plan", "What would be run, and what is done; runs nothing");
    auto request = std::make_shared<PlanRequest>();
    add_sweep_place(verb, request->place);
    verb.add_flag("--all", request->all, "Show every run, however many there are");
    add_json_flag(verb, request->json);
    verb.callback([request] { show_plan(*request); });
}

}  // namespace vtvc
