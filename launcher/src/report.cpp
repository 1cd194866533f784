// vtvc report: a folder of finished runs to one HTML file, with its numbers beside it.
#include "vtvc/experiments/report.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/sweep/results.hpp"

namespace vtvc {
namespace {

/// A sweep, by its name, its folder or its file, stands for the links to its finished runs; its report goes
/// into its folder.
void take_sweep(ReportOptions& options, const std::string& store) {
    std::error_code none;
    const bool is_sweep = sweep::SweepFolder{options.runs}.exists();
    if (std::filesystem::is_directory(options.runs, none) && !is_sweep) return;
    sweep::Overview overview(options.runs.string(), store_folder(store));
    options.runs = link_finished(overview);
    if (options.out.empty()) options.out = overview.folder().path / "report";
    if (options.title.empty()) options.title = "Sweep " + overview.plan().file().name;
}

}  // namespace

void add_report(CLI::App& app) {
    CLI::App& verb =
        *app.add_subcommand("report", "Tables and pictures of finished runs: report.html, results.json");
    auto options = std::make_shared<ReportOptions>();
    auto json = std::make_shared<bool>(false);
    auto store = std::make_shared<std::string>();
    verb.add_option("runs", options->runs, "Folder that is searched for finished runs, or a sweep")
        ->required();
    verb.add_option("--store", *store,
                    "Where sweeps are found by name (default: VTVC_STORE, else ./vtvc-store)");
    verb.add_option("-o,--out", options->out,
                    "Folder to write into; the searched one, or the sweep's own, if left out");
    verb.add_option("--title", options->title, "Title of the report");
    add_json_flag(verb, *json);
    verb.callback([options, json, store] {
        take_sweep(*options, *store);
        if (options->out.empty()) options->out = options->runs;
        write_report(*options);
        if (*json) {
            return print_json({{"report", (options->out / "report.html").string()},
                               {"results", (options->out / "results.json").string()},
                               {"csv", (options->out / "results.csv").string()},
                               {"tables", (options->out / "tables.txt").string()}});
        }
        print_text(fmt::format("wrote {}\n", (options->out / "report.html").string()));
    });
}

}  // namespace vtvc
