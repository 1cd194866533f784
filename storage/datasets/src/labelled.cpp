#include "labelled.hpp"

#include <algorithm>
#include <array>

#include "cut.hpp"
#include "rows.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/progress.hpp"

namespace vtvc {
namespace {

void check_labels(const LabelledImages& part, std::size_t classes) {
    for (std::size_t row = 0; row < part.labels.size(); ++row)
        if (part.labels[row] < 0 || static_cast<std::size_t>(part.labels[row]) >= classes)
            fail<StorageError>(
                "label {} of row {} in {} is out of range (there are {} classes, 0 to {}); name every class",
                part.labels[row], row, part.place, classes, classes - 1);
}

constexpr std::array<Split, 3> kSplits{Split::train, Split::validation, Split::test};

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

DatasetSummary write_labelled(const std::filesystem::path& out, const LabelledImages& train,
                              const LabelledImages& test, const LabelledSplit& how) {
    check_share(how.validation, "validation share");
    if (train.height != test.height || train.width != test.width || train.channels != test.channels)
        fail<StorageError>("training images are {}x{}x{}, test images {}x{}x{} (one network reads both)",
                           train.height, train.width, train.channels, test.height, test.width, test.channels);
    DatasetHead head;
    head.name = how.name;
    head.height = train.height;
    head.width = train.width;
    head.channels = train.channels;
    head.class_names = names_for(train, test, how);
    head.origin =
        fmt::format("{}; validation share {} by class, seed {}", how.origin, how.validation, how.seed);
    if (head.class_names.size() < 2)
        fail<StorageError>("{} has one class only (a classifier needs two at least)", train.place);
    check_labels(train, head.class_names.size());
    check_labels(test, head.class_names.size());
    const auto validates = cut_by_class(train.labels, head.class_names,
                                        {.share = how.validation, .seed = how.seed}, train.place);
    std::array<std::vector<std::size_t>, kSplits.size()> order;  // rows of the foreign file, as they will lie
    for (std::size_t row = 0; row < train.labels.size(); ++row)
        order[static_cast<std::size_t>(validates[row] ? Split::validation : Split::train)].push_back(row);
    for (std::size_t row = 0; row < test.labels.size(); ++row)
        order[static_cast<std::size_t>(Split::test)].push_back(row);
    for (const auto split : {Split::train, Split::validation})
        shuffle_order(order[static_cast<std::size_t>(split)], how.seed, split);

    std::array<std::int64_t, kSplits.size()> rows{};
    std::transform(order.begin(), order.end(), rows.begin(),
                   [](const auto& list) { return static_cast<std::int64_t>(list.size()); });
    DatasetWriter writer(out, head, rows);
    Progress progress("import", train.rows + test.rows, "images");
    std::int64_t done = 0;
    std::vector<std::uint8_t> image(static_cast<std::size_t>(train.image_bytes()));
    for (const auto split : kSplits)
        for (const auto row : order[static_cast<std::size_t>(split)]) {
            const auto& from = split == Split::test ? test : train;
            from.images.read(row * image.size(), image);
            SplitData one;
            append_row(one, {.image = image,
                             .label = from.labels[row],
                             .id = static_cast<std::int64_t>(row) + (split == Split::test ? train.rows : 0)});
            writer.append(split, one);
            progress.update(++done);
        }
    return writer.finish();
}

}  // namespace vtvc
