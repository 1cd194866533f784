#pragma once
// What makes rows a data set: checked before a file gets its name. Here a SplitData's images are not looked
// at.
#include <array>

#include "dataset_layout.hpp"

namespace vtvc {

/// In the order of Split.
using SplitRows = std::array<const SplitData*, 3>;

/// Name, pixels, at least two classes.
void check_head(const DatasetHead& head);
/// Whether a part of rows has one value a row, and images that many bytes.
void check_lengths(const DatasetHead& head, Split split, const SplitData& rows);
/// Labels, groups and sub-domains in range, no empty train or test split, two classes in train, no group in
/// two splits, ids unique. StorageError says which row.
void check_rows(const DatasetHead& head, const SplitRows& splits);

}  // namespace vtvc
