#include "dataset_check.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_set>

namespace vtvc {

namespace {

/// Throws unless the vector holds one value a row.
template <class T>
void check_length(const DatasetHead& head, Split split, const char* what, std::int64_t rows,
                  const std::vector<T>& values, std::int64_t expected) {
    if (static_cast<std::int64_t>(values.size()) != expected)
        fail<StorageError>("dataset '{}', {} split: {} {} for {} rows, {} are needed", head.name,
                           split_name(split), values.size(), what, rows, expected);
}

void check_range(const DatasetHead& head, Split split, const char* what,
                 const std::vector<std::int32_t>& values, std::int64_t low, std::int64_t high) {
    for (std::size_t row = 0; row < values.size(); ++row)
        if (values[row] < low || values[row] >= high)
            fail<StorageError>("dataset '{}', {} split: {} {} at row {} is outside [{}, {})", head.name,
                               split_name(split), what, values[row], row, low, high);
}

void check_split(const DatasetHead& head, Split split, const SplitData& data) {
    if (data.rows() == 0 && split != Split::validation)
        fail<StorageError>("dataset '{}': the {} split has no samples", head.name, split_name(split));
    check_range(head, split, "label", data.labels, 0, static_cast<std::int64_t>(head.class_names.size()));
    const auto groups = static_cast<std::int64_t>(head.group_names.size());
    check_range(head, split, "group", data.groups, -1,
                groups > 0 ? groups : std::numeric_limits<std::int64_t>::max());
    check_range(head, split, "subdomain", data.subdomains, -1,
                static_cast<std::int64_t>(head.subdomain_names.size()));
}

/// Ids are unique in the file; a group (font family, writer) is of one split only, or test rows would be
/// known.
void check_separation(const DatasetHead& head, const SplitRows& splits) {
    std::unordered_set<std::int64_t> ids;
    std::map<std::int32_t, Split> owner;
    for (const auto split : kSplits) {
        const auto& data = *splits[static_cast<std::size_t>(split)];
        for (std::int64_t row = 0; row < data.rows(); ++row) {
            const auto at = static_cast<std::size_t>(row);
            if (!ids.insert(data.ids[at]).second)
                fail<StorageError>("dataset '{}', {} split: id {} at row {} was used before", head.name,
                                   split_name(split), data.ids[at], row);
            const auto group = data.groups[at];
            if (group < 0) continue;
            const auto [known, is_new] = owner.emplace(group, split);
            if (!is_new && known->second != split)
                fail<StorageError>(
                    "dataset '{}': group {}{} is in the {} and the {} split (row {}); give each group to one "
                    "split",
                    head.name, group,
                    head.group_names.empty() ? ""
                                             : " " + head.group_names.at(static_cast<std::size_t>(group)),
                    split_name(known->second), split_name(split), row);
        }
    }
}

}  // namespace

void check_head(const DatasetHead& head) {
    if (head.name.empty()) fail<StorageError>("a dataset needs a name");
    if (head.height < 1 || head.width < 1 || head.channels < 1)
        fail<StorageError>("dataset '{}': images of {} x {} x {} have no pixels", head.name, head.height,
                           head.width, head.channels);
    (void)h5::elements_of({head.height, head.width, head.channels}, "images of " + head.name);
    if (head.class_names.size() < 2)
        fail<StorageError>("dataset '{}' has {} class names (a classifier needs two at least)", head.name,
                           head.class_names.size());
}

void check_lengths(const DatasetHead& head, Split split, const SplitData& rows) {
    const auto count = rows.rows();
    check_length(head, split, "image bytes", count, rows.images, count * head.image_bytes());
    check_length(head, split, "labels", count, rows.labels, count);
    check_length(head, split, "groups", count, rows.groups, count);
    check_length(head, split, "subdomains", count, rows.subdomains, count);
}

void check_rows(const DatasetHead& head, const SplitRows& splits) {
    for (const auto split : kSplits) check_split(head, split, *splits[static_cast<std::size_t>(split)]);
    const auto& labels = splits[0]->labels;
    if (std::all_of(labels.begin(), labels.end(), [&](auto label) { return label == labels.front(); }))
        fail<StorageError>("dataset '{}': every train row is of class {} (a classifier needs two at least)",
                           head.name, labels.front());
    check_separation(head, splits);
}

}  // namespace vtvc
