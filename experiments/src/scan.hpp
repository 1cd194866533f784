#pragma once
// Finds finished runs below a folder and reads what is text in them.
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"

namespace vtvc::report {

struct Run {
    std::filesystem::path folder;  ///< canonical
    std::string name;              ///< path below the scanned folder by which it was first found
    std::string id;                ///< last part of the canonical path
    std::unique_ptr<Job> job;      ///< from resolved.toml
    nlohmann::json provenance;     ///< empty object where there is none
    std::string kind() const { return std::string(job->kind()); }
};

struct Scan {
    std::vector<Run> runs;           ///< ordered by name
    std::vector<std::string> notes;  ///< what was left out, and why
};
/// StorageError when the folder does not exist. Unfinished runs are left out with a note.
Scan scan_runs(const std::filesystem::path& folder);

/// metrics.jsonl of a training run: a curve a key; keys inside "validation" are called "validation.accuracy".
/// Lines of the selection's candidates (a "phase" other than "train") are left out.
struct TrainingLog {
    std::map<std::string, std::vector<std::pair<double, double>>> curves;  ///< step, value
    struct Warning {
        double step = 0;
        std::string signature, text;
    };
    std::vector<Warning> warnings;
    const std::vector<std::pair<double, double>>* find(const std::string& key) const;
};
/// Empty where there is no such file. StorageError, with the line, where one is not JSON.
TrainingLog read_log(const std::filesystem::path& path);

}  // namespace vtvc::report
