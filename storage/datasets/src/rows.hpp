#pragma once
// Rows of a split: what all makers of datasets need.
#include <cstdint>
#include <span>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

struct Row {
    std::span<const std::uint8_t> image;
    std::int32_t label = 0;
    std::int64_t id = 0;
    std::int32_t group = -1;
};
void append_row(SplitData& split, const Row& row);

/// The random order that shuffle_rows brings rows into.
void shuffle_order(std::vector<std::size_t>& order, std::uint64_t seed, Split which);

/// A random order by (seed, split): training files are often sorted by class, and readers take the first
/// rows.
void shuffle_rows(SplitData& split, std::int64_t image_bytes, std::uint64_t seed, Split which);

/// Keeps the first `limit` rows of each class.
void limit_rows(SplitData& split, std::int64_t image_bytes, std::int64_t classes, std::int64_t limit);

}  // namespace vtvc
