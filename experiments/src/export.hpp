#pragma once
// results.json (the form is fixed in docs/report.md), results.csv, and the tables as plain text.
#include <string>
#include <vector>

#include "compare.hpp"

namespace vtvc::report {

using Comparisons = std::map<std::string, std::vector<Comparison>>;  ///< by protocol

std::string results_json(const Results& results, const Comparisons& comparisons);
/// One line a protocol, method, data set and seed.
std::string results_csv(const Results& results);
/// The tables and differences, aligned in columns.
std::string tables_text(const Results& results, const Comparisons& comparisons);

}  // namespace vtvc::report
