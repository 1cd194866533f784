#include "vtvc/storage/dataset.hpp"

#include <algorithm>

#include "dataset_layout.hpp"

namespace vtvc {

std::string split_name(Split split) {
    return split == Split::train ? "train" : split == Split::validation ? "validation" : "test";
}

std::string labels_place(Split split) {
    return split == Split::test ? kTestLabels : split_name(split) + "/labels";
}

RowRange clip_rows(const std::string& path, std::int64_t rows, std::int64_t first, std::int64_t count) {
    if (first < 0 || count < 0)
        fail<StorageError>("{}: rows from {}, {} of them, cannot be negative", path, first, count);
    first = std::min(first, rows);
    return {first, count == 0 ? rows - first : std::min(count, rows - first)};
}

std::vector<std::int32_t> read_labels(const h5::Reader& reader, const std::string& name, RowRange range,
                                      std::int64_t classes) {
    auto labels = reader.rows<std::int32_t>(name, {-1}, range.first, range.count);
    for (std::size_t row = 0; row < labels.size(); ++row)
        if (labels[row] < 0 || labels[row] >= classes)
            reader.refuse("label {} at row {} of '{}' is outside [0, {})", labels[row],
                          range.first + static_cast<std::int64_t>(row), name, classes);
    return labels;
}

Dataset Dataset::open(const std::filesystem::path& path) {
    const auto reader = h5::Reader::open(path, kDatasetKind, kDatasetVersion);
    Dataset dataset;
    dataset.path_ = path.string();
    dataset.hash_ = reader.content_hash();
    auto& head = dataset.head_;
    head.name = reader.text_attribute("/", "name");
    head.height = reader.integer("/", "height");
    head.width = reader.integer("/", "width");
    head.channels = reader.integer("/", "channels");
    if (head.height < 1 || head.width < 1 || head.channels < 1)
        reader.refuse("images of {} x {} x {} have no pixels", head.height, head.width, head.channels);
    head.origin = reader.text("origin");
    head.class_names = reader.texts("class_names");
    head.group_names = reader.texts("group_names");
    head.subdomain_names = reader.texts("subdomain_names");
    if (dataset.classes() < 2)
        reader.refuse("has {} class names, two at least are needed", dataset.classes());
    for (const auto split : kSplits) {
        const auto name = split_name(split);
        const auto rows = reader.about(name + "/ids").rows();
        if (rows == 0 && split != Split::validation) reader.refuse("the {} split has no samples", name);
        reader.expect(name + "/ids", h5::Type::i64, {rows});
        reader.expect(name + "/images", h5::Type::u8, {rows, head.height, head.width, head.channels});
        reader.expect(labels_place(split), h5::Type::i32, {rows});
        reader.expect(name + "/groups", h5::Type::i32, {rows});
        reader.expect(name + "/subdomains", h5::Type::i32, {rows});
        dataset.rows_[static_cast<int>(split)] = rows;
    }
    return dataset;
}

std::int64_t Dataset::rows(Split split) const { return rows_[static_cast<int>(split)]; }

SplitData Dataset::read(Split split, std::int64_t first, std::int64_t count) const {
    const auto reader = h5::Reader::open(path_, kDatasetKind, kDatasetVersion);
    if (reader.content_hash() != hash_)
        reader.refuse("was replaced since it was opened (content {} then, {} now)", hash_,
                      reader.content_hash());
    const auto range = clip_rows(path_, rows(split), first, count);
    const auto name = split_name(split);
    SplitData data;
    data.images = reader.rows<std::uint8_t>(name + "/images", {-1, head_.height, head_.width, head_.channels},
                                            range.first, range.count);
    if (split != Split::test) data.labels = read_labels(reader, labels_place(split), range, classes());
    data.ids = reader.rows<std::int64_t>(name + "/ids", {-1}, range.first, range.count);
    data.groups = reader.rows<std::int32_t>(name + "/groups", {-1}, range.first, range.count);
    data.subdomains = reader.rows<std::int32_t>(name + "/subdomains", {-1}, range.first, range.count);
    return data;
}

}  // namespace vtvc
