#include "vtvc/datasets/import.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "rows.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/idx.hpp"

namespace vtvc {
namespace {

struct Pair {
    std::int64_t rows = 0, height = 0, width = 0, channels = 0;
    std::vector<std::uint8_t> images, labels;

    std::int64_t image_bytes() const { return height * width * channels; }
    std::span<const std::uint8_t> image(std::int64_t row) const {
        const auto bytes = static_cast<std::size_t>(image_bytes());
        return std::span(images).subspan(static_cast<std::size_t>(row) * bytes, bytes);
    }
};

Pair read_pair(const std::filesystem::path& image_file, const std::filesystem::path& label_file) {
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
    Pair pair;
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
    pair.labels = std::move(labels.values);
    return pair;
}

void check_labels(const Pair& pair, const std::filesystem::path& file, std::size_t classes) {
    for (std::size_t row = 0; row < pair.labels.size(); ++row)
        if (pair.labels[row] >= classes)
            fail<StorageError>(
                "label {} of row {} in {} is out of range (there are {} classes, 0 to {}); "
                "name every class",
                pair.labels[row], row, file.string(), classes, classes - 1);
}

std::vector<std::string> names_for(const IdxSources& sources, const Pair& train, const Pair& test) {
    if (!sources.class_names.empty()) return sources.class_names;
    const int largest = std::max(*std::max_element(train.labels.begin(), train.labels.end()),
                                 *std::max_element(test.labels.begin(), test.labels.end()));
    std::vector<std::string> names;
    for (int label = 0; label <= largest; ++label) names.push_back(std::to_string(label));
    return names;
}

/// Marks, for every class, its share of rows at random.
std::vector<bool> choose_validation(const Pair& train, const IdxSources& sources,
                                    const std::vector<std::string>& names) {
    std::vector<std::vector<std::size_t>> by_class(names.size());
    for (std::size_t row = 0; row < train.labels.size(); ++row) by_class[train.labels[row]].push_back(row);
    std::vector<bool> chosen(train.labels.size());
    for (std::size_t label = 0; label < names.size(); ++label) {
        std::vector<std::size_t>& rows = by_class[label];
        if (rows.size() < 2)
            fail<StorageError>(
                "class '{}' has {} training rows in {} (one must train, one validate); leave the "
                "class out or add rows",
                names[label], rows.size(), sources.train_labels.string());
        const auto wanted =
            static_cast<std::size_t>(std::lround(sources.validation * static_cast<double>(rows.size())));
        Stream random(sources.seed, Purpose::split, label);
        for (std::size_t i = 0; i < std::clamp<std::size_t>(wanted, 1, rows.size() - 1); ++i) {
            std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
            chosen[rows[i]] = true;
        }
    }
    return chosen;
}

}  // namespace

DatasetContents import_idx(const IdxSources& sources) {
    if (!(sources.validation > 0 && sources.validation < 1))
        fail<ConfigError>("validation share {} (it lies between 0 and 1, both excluded); .1 is usual",
                          sources.validation);
    const Pair train = read_pair(sources.train_images, sources.train_labels);
    const Pair test = read_pair(sources.test_images, sources.test_labels);
    if (train.height != test.height || train.width != test.width || train.channels != test.channels)
        fail<StorageError>("training images are {}x{}x{}, test images {}x{}x{} (one network reads both)",
                           train.height, train.width, train.channels, test.height, test.width, test.channels);

    DatasetContents contents;
    contents.name = sources.name;
    contents.height = train.height;
    contents.width = train.width;
    contents.channels = train.channels;
    contents.class_names = names_for(sources, train, test);
    if (contents.class_names.size() < 2)
        fail<StorageError>("{} has one class only (a classifier needs two at least)",
                           sources.train_labels.string());
    check_labels(train, sources.train_labels, contents.class_names.size());
    check_labels(test, sources.test_labels, contents.class_names.size());

    const std::vector<bool> validates = choose_validation(train, sources, contents.class_names);
    for (std::int64_t row = 0; row < train.rows; ++row) {
        const auto at = static_cast<std::size_t>(row);
        append_row(validates[at] ? contents.validation : contents.train,
                   {.image = train.image(row), .label = train.labels[at], .id = row});
    }
    for (std::int64_t row = 0; row < test.rows; ++row)
        append_row(contents.test, {.image = test.image(row),
                                   .label = test.labels[static_cast<std::size_t>(row)],
                                   .id = train.rows + row});
    shuffle_rows(contents.train, contents.image_bytes(), sources.seed, Split::train);
    shuffle_rows(contents.validation, contents.image_bytes(), sources.seed, Split::validation);
    contents.origin =
        fmt::format("IDX files {}, {}, {}, {}; validation share {} by class, seed {}",
                    sources.train_images.filename().string(), sources.train_labels.filename().string(),
                    sources.test_images.filename().string(), sources.test_labels.filename().string(),
                    sources.validation, sources.seed);
    return contents;
}

}  // namespace vtvc
