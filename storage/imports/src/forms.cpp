#include "forms.hpp"

#include <algorithm>

namespace vtvc {

std::vector<std::int64_t> canonical_shape(const std::string& block, std::vector<std::int64_t> shape,
                                          Orientation orientation) {
    if (orientation == Orientation::transposed) {
        std::reverse(shape.begin(), shape.end());
        return shape;
    }
    const std::size_t dimensions = block == "class_embedding"        ? 1
                                   : block == "positional_embedding" ? 2
                                                                     : shape.size();
    while (shape.size() > dimensions && shape.front() == 1) shape.erase(shape.begin());
    return shape;
}

std::vector<float> transposed(std::span<const float> values, std::size_t rows, std::size_t columns) {
    std::vector<float> out(values.size());
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) out[c * rows + r] = values[r * columns + c];
    return out;
}

RowRange rows_of(Part part, std::int64_t block_rows) {
    if (part == Part::whole) return {0, block_rows};
    const auto third = block_rows / 3;
    return {third * (static_cast<std::int64_t>(part) - 1), third};
}

}  // namespace vtvc
