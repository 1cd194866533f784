#pragma once
// The results of a sweep's finished runs: numbers for a table, links for a reader.
#include <map>
#include <string>
#include <vector>

#include "vtvc/sweep/overview.hpp"

namespace vtvc::sweep {

/// Every number in result.json and evaluation.json of a run by its dotted name ("validation.accuracy",
/// "sets.0.accuracy").
std::map<std::string, double> numbers_of(const std::filesystem::path& run);

/// One line a run, with a head: key, id, stage, each axis, state, attempts, seconds, step, each number.
std::string export_csv(Overview& sweep);
/// The same as a JSON document: {"sweep": …, "runs": [{…}]}.
std::string export_json(Overview& sweep);
/// The forms of record.export, written into the sweep's folder: runs.csv, runs.json. StorageError where they
/// cannot be.
void write_exports(Overview& sweep);

/// Links from SWEEP/runs/NAME to every finished run, those of runs that are no longer in the plan removed.
/// The folder of the links.
std::filesystem::path link_finished(Overview& sweep);

/// Whether every run that the journal calls done is whole: its marker, and every file of ours in it down to
/// the last checksum.
struct Damage {
    std::string run, what;
};
std::vector<Damage> verify_runs(Overview& sweep, int threads);

}  // namespace vtvc::sweep
