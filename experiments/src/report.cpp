#include "vtvc/experiments/report.hpp"

#include <fmt/format.h>

#include "html.hpp"
#include "sections.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {

void write_report(const ReportOptions& options) {
    const report::Scan scan = report::scan_runs(options.runs);
    if (scan.runs.empty())
        fail<StorageError>(
            "no finished run in {} (a run folder holds DONE and resolved.toml); give the folder with the "
            "runs, or "
            "wait for one to finish",
            options.runs.string());
    const report::Results results = report::collect(scan);
    report::Comparisons comparisons;
    for (const auto& protocol : results.protocols) comparisons[protocol.name] = report::compare(protocol);
    std::map<std::string, report::TrainingLog> logs;
    for (const report::Run& run : scan.runs) {
        report::TrainingLog log = report::read_log(run.folder / "metrics.jsonl");
        if (!log.curves.empty() || !log.warnings.empty()) logs.emplace(run.id, std::move(log));
    }

    const report::Material m{options.title.empty() ? "vtvc report" : options.title, scan, results,
                             comparisons, logs};
    std::string body = report::head_section(m);
    for (auto part : {report::inclusion_section, report::table_section, report::calibration_section,
                      report::sparsity_section, report::per_sample_section, report::price_section,
                      report::sample_section, report::training_section, report::findings_section})
        body += part(m);

    write_atomically(options.out / "results.json", report::results_json(results, comparisons));
    write_atomically(options.out / "results.csv", report::results_csv(results));
    write_atomically(options.out / "tables.txt", report::tables_text(results, comparisons));
    write_atomically(options.out / "report.html", report::page(m.title, body));
}

}  // namespace vtvc
