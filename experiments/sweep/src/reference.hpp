#pragma once
// How a job of one stage names a file that a run of another makes.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vtvc/core/job_tree.hpp"

namespace vtvc::sweep {

/// "@stage{axis=label, …}/file": a file of another stage's run.
struct Reference {
    std::string text, stage, file;
    std::vector<std::pair<std::string, std::string>> selectors;
    Place place;
};

/// Reads one; none, and a mistake at its place, where it is not written so.
std::optional<Reference> parse_reference(const std::string& text, const Place& place,
                                         std::vector<Mistake>& problems);

/// A path that stands for a reference, as jobs hold it until the file is known.
bool is_reference(const std::string& path);
std::string path_for_reference(const std::string& text);
std::string reference_of_path(const std::string& path);

}  // namespace vtvc::sweep
