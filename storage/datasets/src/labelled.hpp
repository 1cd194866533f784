#pragma once
// Images with labels, in the order of their file: what IDX, CIFAR and NumPy files have in common, and how
// they become a data set. Labels are in memory, images on disk.
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pictures.hpp"
#include "vtvc/storage/dataset_writer.hpp"

namespace vtvc {

struct LabelledImages {
    std::int64_t rows = 0, height = 0, width = 0, channels = 1;
    Pictures images;
    std::vector<std::int32_t> labels;
    std::string place;  ///< the file of the labels, for messages

    /// beside: the dataset that is being made.
    explicit LabelledImages(const std::filesystem::path& beside) : images(beside) {}
    /// N × height × width, or with channels last.
    void set_shape(std::span<const std::int64_t> shape) {
        rows = shape[0], height = shape[1], width = shape[2];
        channels = shape.size() == 4 ? shape[3] : 1;
    }
    std::int64_t image_bytes() const { return height * width * channels; }
};

struct LabelledSplit {
    std::string name;
    std::vector<std::string> class_names;  ///< empty: "0", "1", … up to the largest label
    double validation = .1;
    std::uint64_t seed = 0;
    std::string origin;  ///< where it came from, without the split
};

/// As the user asked, of sources that leave class names to him.
template <class Sources>
LabelledSplit split_of(const Sources& sources, std::string origin) {
    return {sources.name, sources.class_names, sources.validation, sources.seed, std::move(origin)};
}

/// Training rows are split by class into train and validation, and shuffled; test rows keep their order; ids
/// count train's rows, then test's. A progress line is shown. StorageError: sizes differ, a label without a
/// name, fewer than two classes, a class too small to split; ConfigError for an impossible share.
DatasetSummary write_labelled(const std::filesystem::path& out, const LabelledImages& train,
                              const LabelledImages& test, const LabelledSplit& how);

}  // namespace vtvc
