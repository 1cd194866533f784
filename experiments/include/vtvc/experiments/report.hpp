#pragma once
// The report of a folder of finished runs: report.html (one file, nothing fetched from elsewhere),
// results.json, results.csv, and tables.txt for a terminal. docs/report.md says what each part shows and how
// it is computed.
#include <filesystem>
#include <string>

namespace vtvc {

struct ReportOptions {
    /// Searched for run folders (DONE and resolved.toml), symbolic links followed, each target taken once.
    std::filesystem::path runs;
    std::filesystem::path out;  ///< folder of the files; made if absent
    std::string title;          ///< empty: "vtvc report"
};

/// A pure function of the run folders: the same runs give the same bytes. StorageError when there is no
/// finished run in options.runs, or a file of one cannot be read.
void write_report(const ReportOptions& options);

}  // namespace vtvc
