#pragma once
// How axes are written: values, ranges, zips; and the condition tables of [[when]] and [[exclude]].
#include <optional>

#include "fields.hpp"
#include "vtvc/sweep/sweep_file.hpp"

namespace vtvc::sweep {

/// A row of [[axis]]: one key with values, range, linspace or logspace. Nothing where it cannot be used.
std::optional<Axis> read_axis(const Node& row, const std::string& path, std::vector<Mistake>& problems);
/// A row of [[zip]]: several keys with a list of values each, all of one length.
std::optional<Axis> read_zip(const Node& row, const std::string& path, std::vector<Mistake>& problems);
/// { "some.key" = value, … }; tables inside it are dotted keys.
Condition read_condition(const Node& table, const std::string& path, std::vector<Mistake>& problems);

/// A table of dotted and nested keys as a tree of keys without dots.
Node nested(const Node& table);

}  // namespace vtvc::sweep
