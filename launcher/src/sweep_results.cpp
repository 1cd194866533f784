// vtvc sweep export, verify: what came of a sweep.
#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "output.hpp"
#include "sweep_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/sweep/results.hpp"

namespace vtvc {
namespace {

struct Export {
    SweepPlace place;
    std::string format = "csv";
    bool json = false;
};

void verify(const Export& request) {
    sweep::Overview sweep(request.place.what, request.place.store_folder());
    const auto damaged =
        verify_runs(sweep, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
    if (request.json) {
        Json rows = Json::array();
        for (const auto& one : damaged) rows.push_back({{"run", one.run}, {"what", one.what}});
        print_json({{"sound", damaged.empty()}, {"damaged", rows}, {"journal_notes", sweep.journal_notes()}});
    } else {
        std::string text;
        for (const auto& one : damaged) text += fmt::format("{}: {}\n", one.run, one.what);
        for (const std::string& note : sweep.journal_notes()) text += "journal: " + note + "\n";
        print_text(text + fmt::format("{} finished runs, {} damaged\n", sweep.counts().done, damaged.size()));
    }
    if (!damaged.empty()) throw Exit{exit_code::failed};
}

}  // namespace

void add_sweep_results(CLI::App& sweep) {
    auto request = std::make_shared<Export>();
    CLI::App& first =
        *sweep.add_subcommand("export", "A table of every run with its numbers, to standard output");
    add_sweep_place(first, request->place);
    first.add_option("--format", request->format, "csv or json")->check(CLI::IsMember({"csv", "json"}));
    add_json_flag(first, request->json);
    first.callback([request] {
        sweep::Overview overview(request->place.what, request->place.store_folder());
        print_text(request->json || request->format == "json" ? export_json(overview) : export_csv(overview));
    });
    auto check = std::make_shared<Export>();
    CLI::App& second =
        *sweep.add_subcommand("verify", "Whether every finished run is whole; ends with 1 if one is not");
    add_sweep_place(second, check->place);
    add_json_flag(second, check->json);
    second.callback([check] { verify(*check); });
}

}  // namespace vtvc
