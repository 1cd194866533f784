#include "vtvc/datasets/import.hpp"

#include <utility>

#include "cut.hpp"
#include "labelled.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/idx.hpp"

namespace vtvc {
namespace {

LabelledImages read_pair(const std::filesystem::path& image_file, const std::filesystem::path& label_file) {
    IdxArray images = read_idx(image_file);
    IdxArray labels = read_idx(label_file);
    const std::size_t dimensions = images.shape.size();
    if (dimensions != 3 && dimensions != 4)
        fail<StorageError>(
            "{} has {} dimensions (images have 3, or 4 with colours); are images and labels swapped?",
            image_file.string(), dimensions);
    if (labels.shape.size() != 1)
        fail<StorageError>("{} has {} dimensions (labels have 1); are images and labels swapped?",
                           label_file.string(), labels.shape.size());
    LabelledImages pair;
    pair.rows = images.shape[0];
    pair.height = images.shape[1];
    pair.width = images.shape[2];
    pair.channels = dimensions == 4 ? images.shape[3] : 1;
    if (pair.channels != 1 && pair.channels != 3)
        fail<StorageError>("{} has {} colour channels (1 or 3 are known)", image_file.string(),
                           pair.channels);
    if (labels.shape[0] != pair.rows)
        fail<StorageError>(
            "{} has {} images, {} has {} labels (one label an image); do the files belong together?",
            image_file.string(), pair.rows, label_file.string(), labels.shape[0]);
    if (pair.rows == 0 || pair.image_bytes() == 0)
        fail<StorageError>("{} holds no images (its size is {} x {} x {})", image_file.string(), pair.rows,
                           pair.height, pair.width);
    pair.images = std::move(images.values);
    pair.labels.assign(labels.values.begin(), labels.values.end());
    pair.place = label_file.string();
    return pair;
}

}  // namespace

DatasetContents import_idx(const IdxSources& sources) {
    check_share(sources.validation, "validation share");  // before the files are read
    const LabelledImages train = read_pair(sources.train_images, sources.train_labels);
    const LabelledImages test = read_pair(sources.test_images, sources.test_labels);
    DatasetContents contents = split_labelled(train, test,
                                              {.name = sources.name,
                                               .class_names = sources.class_names,
                                               .validation = sources.validation,
                                               .seed = sources.seed});
    contents.origin =
        fmt::format("IDX files {}, {}, {}, {}; validation share {} by class, seed {}",
                    sources.train_images.filename().string(), sources.train_labels.filename().string(),
                    sources.test_images.filename().string(), sources.test_labels.filename().string(),
                    sources.validation, sources.seed);
    return contents;
}

}  // namespace vtvc
