#pragma once
// IDX files into a dataset file.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

struct IdxSources {
    std::filesystem::path train_images, train_labels, test_images, test_labels;
    std::string name;
    std::vector<std::string> class_names;  ///< empty: "0", "1", … up to the largest label
    double validation = .1;                ///< share of each class of the training rows, in (0, 1)
    std::uint64_t seed = 0;
};

/// Training rows are split by class into train and validation, and shuffled; test rows keep the file's order.
/// Throws StorageError for files that do not fit each other, labels without a name, fewer than two classes,
/// no rows, or a class too small to split; ConfigError for an impossible share.
DatasetContents import_idx(const IdxSources& sources);

}  // namespace vtvc
