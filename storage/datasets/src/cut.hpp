#pragma once
// Which rows of a split go to another one: a share of every class, or whole groups.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vtvc {

struct Cut {
    double share = .1;
    std::uint64_t seed = 0;
    std::uint64_t which = 0;  ///< tells cuts of the same rows apart
};

/// ConfigError unless the share lies between 0 and 1, both excluded. what: "validation share".
void check_share(double share, const char* what);

/// Marks the share of each class at random, one row at least and never all. StorageError, naming the class
/// and `place`, for a class of fewer than two rows.
std::vector<bool> cut_by_class(std::span<const std::int32_t> labels,
                               const std::vector<std::string>& class_names, const Cut& cut,
                               const std::string& place);

/// Marks whole groups (numbers ≥ 0) in random order until the share of the rows is reached; one group at
/// least, and never all. StorageError for fewer than two groups.
std::vector<bool> cut_by_group(std::span<const std::int32_t> groups, const Cut& cut,
                               const std::string& place);

}  // namespace vtvc
