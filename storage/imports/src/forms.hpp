#pragma once
// How a tensor's numbers lie in a block, forth and back.
#include <span>
#include <string>
#include <vector>

#include "vtvc/imports/mapping.hpp"

namespace vtvc {

/// The shape a tensor has in the block: transposed; embeddings without the dimensions of 1 that stand for a
/// batch.
std::vector<std::int64_t> canonical_shape(const std::string& block, std::vector<std::int64_t> shape,
                                          Orientation orientation);
/// [rows, columns] → [columns, rows]
std::vector<float> transposed(std::span<const float> values, std::size_t rows, std::size_t columns);

struct RowRange {
    std::int64_t first = 0, rows = 0;
};
/// Of the part in a block with that many rows.
RowRange rows_of(Part part, std::int64_t block_rows);

}  // namespace vtvc
