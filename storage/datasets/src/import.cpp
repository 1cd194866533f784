#include "vtvc/datasets/import.hpp"

#include <span>

#include "cut.hpp"
#include "labelled.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/idx.hpp"

namespace vtvc {
namespace {

void read_pair(LabelledImages& pair, const std::filesystem::path& image_file,
               const std::filesystem::path& label_file) {
    auto images = IdxReader::open(image_file);
    const IdxArray labels = read_idx(label_file);
    const auto& shape = images.shape();
    if (shape.size() != 3 && shape.size() != 4)
        fail<StorageError>(
            "{} has {} dimensions (images have 3, or 4 with colours); are images and labels swapped?",
            image_file.string(), shape.size());
    if (labels.shape.size() != 1)
        fail<StorageError>("{} has {} dimensions (labels have 1); are images and labels swapped?",
                           label_file.string(), labels.shape.size());
    pair.set_shape(shape);
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
    std::vector<std::uint8_t> piece(std::size_t{1} << 20);
    for (auto got = images.read(piece); got > 0; got = images.read(piece))
        pair.images.append(std::as_bytes(std::span(piece).first(got)));
    pair.labels.assign(labels.values.begin(), labels.values.end());
    pair.place = label_file.string();
}

}  // namespace

DatasetSummary import_idx(const IdxSources& sources, const std::filesystem::path& out) {
    check_share(sources.validation, "validation share");  // before the files are read
    LabelledImages train(out), test(out);
    read_pair(train, sources.train_images, sources.train_labels);
    read_pair(test, sources.test_images, sources.test_labels);
    return write_labelled(
        out, train, test,
        split_of(sources, fmt::format("IDX files {}, {}, {}, {}", sources.train_images.filename().string(),
                                      sources.train_labels.filename().string(),
                                      sources.test_images.filename().string(),
                                      sources.test_labels.filename().string())));
}

}  // namespace vtvc
