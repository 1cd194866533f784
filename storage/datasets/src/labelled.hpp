#pragma once
// Images with labels as arrays, in the order of their file: what IDX, CIFAR and NumPy files have in common,
// and how they become a data set.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

struct LabelledImages {
    std::int64_t rows = 0, height = 0, width = 0, channels = 1;
    std::vector<std::uint8_t> images;
    std::vector<std::int32_t> labels;
    std::string place;  ///< the file of the labels, for messages

    std::int64_t image_bytes() const { return height * width * channels; }
    std::span<const std::uint8_t> image(std::int64_t row) const;
};

struct LabelledSplit {
    std::string name;
    std::vector<std::string> class_names;  ///< empty: "0", "1", … up to the largest label
    double validation = .1;
    std::uint64_t seed = 0;
};

/// Training rows are split by class into train and validation, and shuffled; test rows keep their order; ids
/// count train's rows, then test's. origin stays empty. StorageError: sizes differ, a label without a name,
/// fewer than two classes, a class too small to split; ConfigError for an impossible share.
DatasetContents split_labelled(const LabelledImages& train, const LabelledImages& test,
                               const LabelledSplit& how);

}  // namespace vtvc
