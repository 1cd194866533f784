#pragma once
// What the writer and the reader of banks must agree on.
#include <algorithm>
#include <cstdint>
#include <string>

#include "h5.hpp"

namespace vtvc {

inline constexpr const char* kBankKind = "bank";
inline constexpr std::int64_t kBankVersion = 2;

inline std::string base_place(const std::string& block) { return "base/" + block; }
inline std::string task_place(const std::string& task, const std::string& block) {
    return "tasks/" + task + "/" + block;
}
inline std::string scales_place(const std::string& task, const std::string& block) {
    return "scales/" + task + "/" + block;
}
/// A group with the attribute first_row and the arrays left and right, one for each part.
inline std::string factors_place(const std::string& task, const std::string& block, std::size_t part) {
    return "factors/" + task + "/" + block + "/" + std::to_string(part);
}

/// A group with the arrays at and value: numbers of θ_k that θ0 + τ_k rounds away from.
inline std::string exact_place(const std::string& task, const std::string& block) {
    return "exact/" + task + "/" + block;
}

/// A block as a matrix: the first axis, and all others as one.
struct MatrixSize {
    std::int64_t rows = 1, columns = 1;
};
inline MatrixSize matrix_of(const h5::Shape& shape) {
    MatrixSize size;
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
        (axis == 0 ? size.rows : size.columns) *= shape[axis];
    return size;
}

/// Rows of a block that one checksum covers. Reading a range of 256 KiB, or of an eighth of the block, must
/// not read more than 1.2 times its bytes: at most a tenth of the smaller of them is read in vain at each
/// end.
inline std::int64_t bank_rows_per_checksum(std::int64_t rows, std::int64_t row_bytes) {
    const auto smallest_range = std::min<std::int64_t>(std::int64_t{1} << 18, rows * row_bytes / 8);
    return 1 + smallest_range / 10 / std::max<std::int64_t>(1, row_bytes);
}

}  // namespace vtvc
