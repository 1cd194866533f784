// vtvc report: a folder of finished runs to one HTML file, with its numbers beside it.
#include "vtvc/experiments/report.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"

namespace vtvc {

void add_report(CLI::App& app) {
    CLI::App& verb =
        *app.add_subcommand("report", "Tables and pictures of finished runs: report.html, results.json");
    auto options = std::make_shared<ReportOptions>();
    auto json = std::make_shared<bool>(false);
    verb.add_option("runs", options->runs, "Folder that is searched for finished runs")->required();
    verb.add_option("-o,--out", options->out, "Folder to write into; the searched one if left out");
    verb.add_option("--title", options->title, "Title of the report");
    add_json_flag(verb, *json);
    verb.callback([options, json] {
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
