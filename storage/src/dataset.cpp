#include "vtvc/storage/dataset.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <unordered_set>

#include "dataset_layout.hpp"
#include "h5_writer.hpp"

namespace vtvc {

namespace {

constexpr std::array<Split, 3> kSplits{Split::train, Split::validation, Split::test};

const SplitData& part(const DatasetContents& contents, Split split) {
    return split == Split::train        ? contents.train
           : split == Split::validation ? contents.validation
                                        : contents.test;
}

std::string labels_place(Split split) {
    return split == Split::test ? kTestLabels : split_name(split) + "/labels";
}

/// Throws unless the vector holds one value a row.
template <class T>
void check_length(const DatasetContents& contents, Split split, const char* what,
                  const std::vector<T>& values, std::int64_t expected) {
    if (static_cast<std::int64_t>(values.size()) != expected)
        fail<StorageError>("dataset '{}', {} split: {} {} for {} rows, {} are needed", contents.name,
                           split_name(split), values.size(), what, part(contents, split).rows(), expected);
}

void check_range(const DatasetContents& contents, Split split, const char* what,
                 const std::vector<std::int32_t>& values, std::int64_t low, std::int64_t high) {
    for (std::size_t row = 0; row < values.size(); ++row)
        if (values[row] < low || values[row] >= high)
            fail<StorageError>("dataset '{}', {} split: {} {} at row {} is outside [{}, {})", contents.name,
                               split_name(split), what, values[row], row, low, high);
}

void check_split(const DatasetContents& contents, Split split) {
    const auto& data = part(contents, split);
    const auto rows = data.rows();
    if (rows == 0 && split != Split::validation)
        fail<StorageError>("dataset '{}': the {} split has no samples", contents.name, split_name(split));
    check_length(contents, split, "image bytes", data.images, rows * contents.image_bytes());
    check_length(contents, split, "labels", data.labels, rows);
    check_length(contents, split, "groups", data.groups, rows);
    check_length(contents, split, "subdomains", data.subdomains, rows);
    check_range(contents, split, "label", data.labels, 0,
                static_cast<std::int64_t>(contents.class_names.size()));
    const auto groups = static_cast<std::int64_t>(contents.group_names.size());
    check_range(contents, split, "group", data.groups, -1,
                groups > 0 ? groups : std::numeric_limits<std::int64_t>::max());
    check_range(contents, split, "subdomain", data.subdomains, -1,
                static_cast<std::int64_t>(contents.subdomain_names.size()));
}

/// Ids are unique in the file; a group (font family, writer) is of one split only, or test rows would be
/// known.
void check_separation(const DatasetContents& contents) {
    std::unordered_set<std::int64_t> ids;
    std::map<std::int32_t, Split> owner;
    for (const auto split : kSplits) {
        const auto& data = part(contents, split);
        for (std::int64_t row = 0; row < data.rows(); ++row) {
            const auto at = static_cast<std::size_t>(row);
            if (!ids.insert(data.ids[at]).second)
                fail<StorageError>("dataset '{}', {} split: id {} at row {} was used before", contents.name,
                                   split_name(split), data.ids[at], row);
            const auto group = data.groups[at];
            if (group < 0) continue;
            const auto [known, is_new] = owner.emplace(group, split);
            if (!is_new && known->second != split)
                fail<StorageError>(
                    "dataset '{}': group {}{} is in the {} and the {} split (row {}); give each group to one "
                    "split",
                    contents.name, group,
                    contents.group_names.empty()
                        ? ""
                        : " " + contents.group_names.at(static_cast<std::size_t>(group)),
                    split_name(known->second), split_name(split), row);
        }
    }
}

void check_contents(const DatasetContents& contents) {
    if (contents.name.empty()) fail<StorageError>("a dataset needs a name");
    if (contents.height < 1 || contents.width < 1 || contents.channels < 1)
        fail<StorageError>("dataset '{}': images of {} x {} x {} have no pixels", contents.name,
                           contents.height, contents.width, contents.channels);
    (void)h5::elements_of({contents.height, contents.width, contents.channels}, "images of " + contents.name);
    if (contents.class_names.size() < 2)
        fail<StorageError>("dataset '{}' has {} class names (a classifier needs two at least)", contents.name,
                           contents.class_names.size());
    for (const auto split : kSplits) check_split(contents, split);
    const auto& labels = contents.train.labels;
    if (std::all_of(labels.begin(), labels.end(), [&](auto label) { return label == labels.front(); }))
        fail<StorageError>("dataset '{}': every train row is of class {} (a classifier needs two at least)",
                           contents.name, labels.front());
    check_separation(contents);
}

}  // namespace

std::string split_name(Split split) {
    return split == Split::train ? "train" : split == Split::validation ? "validation" : "test";
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

void write_dataset(const std::filesystem::path& path, const DatasetContents& contents) {
    check_contents(contents);
    std::uint64_t bytes = 0;
    for (const auto split : kSplits)
        bytes += static_cast<std::uint64_t>(part(contents, split).rows() * (contents.image_bytes() + 20));
    h5::Writer writer(path, kDatasetKind, kDatasetVersion, bytes);
    writer.attribute("/", "name", contents.name);
    writer.attribute("/", "height", contents.height);
    writer.attribute("/", "width", contents.width);
    writer.attribute("/", "channels", contents.channels);
    writer.text("origin", contents.origin);
    writer.texts("class_names", contents.class_names);
    writer.texts("group_names", contents.group_names);
    writer.texts("subdomain_names", contents.subdomain_names);
    const auto step = h5::rows_per_mib(contents.image_bytes());
    for (const auto split : kSplits) {
        const auto& data = part(contents, split);
        const auto name = split_name(split);
        const auto rows = data.rows();
        writer.array(name + "/images", {rows, contents.height, contents.width, contents.channels},
                     data.images, step);
        writer.array(labels_place(split), {rows}, data.labels);
        writer.array(name + "/ids", {rows}, data.ids);
        writer.array(name + "/groups", {rows}, data.groups);
        writer.array(name + "/subdomains", {rows}, data.subdomains);
    }
    writer.finish();
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
