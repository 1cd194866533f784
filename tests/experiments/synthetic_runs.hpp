#pragma once
// Made-up finished runs: small, the same at every call, with all that a report looks at.
#include <filesystem>

namespace vtvc::testing {

/// Writes data sets, run folders and a folder of links below root; returns the folder to report on. Two
/// protocols: heterogeneous (six sub-domains of one set) and addition (two sets). One run is unfinished, one
/// link is a repeat.
std::filesystem::path write_synthetic_runs(const std::filesystem::path& root);

}  // namespace vtvc::testing
