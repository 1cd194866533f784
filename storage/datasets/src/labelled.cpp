#include "labelled.hpp"

#include <algorithm>

#include "cut.hpp"
#include "rows.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

void check_labels(const LabelledImages& part, std::size_t classes) {
    for (std::size_t row = 0; row < part.labels.size(); ++row)
        if (part.labels[row] < 0 || static_cast<std::size_t>(part.labels[row]) >= classes)
            fail<StorageError>(
                "label {} of row {} in {} is out of range (there are {} classes, 0 to {}); name every class",
                part.labels[row], row, part.place, classes, classes - 1);
}

/// Labels of a billion would otherwise make a billion names.
constexpr std::int32_t kMostUnnamed = 100000;

std::vector<std::string> names_for(const LabelledImages& train, const LabelledImages& test,
                                   const LabelledSplit& how) {
    if (!how.class_names.empty()) return how.class_names;
    std::int32_t largest = -1;
    for (const auto* part : {&train, &test})
        for (const auto label : part->labels) largest = std::max(largest, label);
    if (largest >= kMostUnnamed)
        fail<StorageError>("{} has label {} (classes are counted from 0); are these labels?", train.place,
                           largest);
    std::vector<std::string> names;
    for (std::int32_t label = 0; label <= largest; ++label) names.push_back(std::to_string(label));
    return names;
}

}  // namespace

std::span<const std::uint8_t> LabelledImages::image(std::int64_t row) const {
    const auto bytes = static_cast<std::size_t>(image_bytes());
    return std::span(images).subspan(static_cast<std::size_t>(row) * bytes, bytes);
}

DatasetContents split_labelled(const LabelledImages& train, const LabelledImages& test,
                               const LabelledSplit& how) {
    check_share(how.validation, "validation share");
    if (train.height != test.height || train.width != test.width || train.channels != test.channels)
        fail<StorageError>("training images are {}x{}x{}, test images {}x{}x{} (one network reads both)",
                           train.height, train.width, train.channels, test.height, test.width, test.channels);
    DatasetContents contents;
    contents.name = how.name;
    contents.height = train.height;
    contents.width = train.width;
    contents.channels = train.channels;
    contents.class_names = names_for(train, test, how);
    if (contents.class_names.size() < 2)
        fail<StorageError>("{} has one class only (a classifier needs two at least)", train.place);
    check_labels(train, contents.class_names.size());
    check_labels(test, contents.class_names.size());
    const auto validates = cut_by_class(train.labels, contents.class_names,
                                        {.share = how.validation, .seed = how.seed}, train.place);
    for (std::int64_t row = 0; row < train.rows; ++row) {
        const auto at = static_cast<std::size_t>(row);
        append_row(validates[at] ? contents.validation : contents.train,
                   {.image = train.image(row), .label = train.labels[at], .id = row});
    }
    for (std::int64_t row = 0; row < test.rows; ++row)
        append_row(contents.test, {.image = test.image(row),
                                   .label = test.labels[static_cast<std::size_t>(row)],
                                   .id = train.rows + row});
    shuffle_rows(contents.train, contents.image_bytes(), how.seed, Split::train);
    shuffle_rows(contents.validation, contents.image_bytes(), how.seed, Split::validation);
    return contents;
}

}  // namespace vtvc
