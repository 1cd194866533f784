#pragma once
// What writer, reader and the sealed reader must agree on about dataset files.
#include <array>
#include <cstdint>
#include <string>

#include "h5_reader.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc {

inline constexpr const char* kDatasetKind = "dataset";
inline constexpr std::int64_t kDatasetVersion = 1;
inline constexpr const char* kTestLabels = "sealed/test_labels";
inline constexpr std::array<Split, 3> kSplits{Split::train, Split::validation, Split::test};
/// The array that holds a split's labels.
std::string labels_place(Split split);

/// Rows [first, first + count) clipped to a split of `rows`; count 0: to its end. StorageError for negative
/// ones.
struct RowRange {
    std::int64_t first = 0, count = 0;
};
RowRange clip_rows(const std::string& path, std::int64_t rows, std::int64_t first, std::int64_t count);

/// Labels of those rows, each checked to lie in [0, classes).
std::vector<std::int32_t> read_labels(const h5::Reader& reader, const std::string& name, RowRange range,
                                      std::int64_t classes);

}  // namespace vtvc
