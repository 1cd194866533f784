#include "vtvc/storage/dataset_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "dataset_check.hpp"
#include "h5_rows.hpp"
#include "h5_writer.hpp"

namespace vtvc {

namespace {

std::uint64_t expected_bytes(const DatasetHead& head, const std::array<std::int64_t, 3>& rows) {
    std::uint64_t bytes = 0;
    for (const auto count : rows)
        bytes += static_cast<std::uint64_t>(h5::elements_of({count, head.image_bytes() + 20}, head.name));
    return bytes;
}

/// The file on its way, with the images of each split.
struct Pending {
    h5::Writer writer;
    std::vector<h5::RowWriter> images;

    Pending(const std::filesystem::path& path, const DatasetHead& head,
            const std::array<std::int64_t, 3>& rows)
        : writer(path, kDatasetKind, kDatasetVersion, expected_bytes(head, rows)) {
        const auto step = h5::rows_per_mib(head.image_bytes());
        images.reserve(kSplits.size());
        for (const auto split : kSplits)
            images.emplace_back(
                writer, split_name(split) + "/images", h5::Type::u8,
                h5::Shape{rows[static_cast<std::size_t>(split)], head.height, head.width, head.channels},
                step);
    }
};

/// What `from` holds, rows that were never given left out.
std::unique_ptr<Pending> compacted(Pending& from, const std::filesystem::path& path, const DatasetHead& head,
                                   const std::array<std::int64_t, 3>& rows) {
    auto to = std::make_unique<Pending>(path, head, rows);
    const auto step = h5::rows_per_mib(head.image_bytes());
    std::vector<std::byte> run;
    for (std::size_t split = 0; split < kSplits.size(); ++split)
        for (std::int64_t first = 0; first < rows[split]; first += step) {
            const auto count = std::min(step, rows[split] - first);
            run.resize(static_cast<std::size_t>(count * head.image_bytes()));
            from.images[split].read(first, count, run);
            to->images[split].append(run);
        }
    return to;
}

}  // namespace

struct DatasetWriter::State {
    std::filesystem::path path;
    DatasetHead head;
    std::array<std::int64_t, 3> most_rows;
    std::array<SplitData, 3> tags;  // without images
    std::unique_ptr<Pending> pending;
};

DatasetWriter::DatasetWriter(const std::filesystem::path& path, DatasetHead head,
                             std::array<std::int64_t, 3> most_rows)
    : state_(std::make_unique<State>(State{path, std::move(head), most_rows, {}, nullptr})) {
    check_head(state_->head);
    state_->pending = std::make_unique<Pending>(path, state_->head, most_rows);
}
DatasetWriter::~DatasetWriter() = default;
DatasetWriter::DatasetWriter(DatasetWriter&&) noexcept = default;
DatasetWriter& DatasetWriter::operator=(DatasetWriter&&) noexcept = default;

void DatasetWriter::append(Split split, const SplitData& rows) {
    check_lengths(state_->head, split, rows);
    const auto at = static_cast<std::size_t>(split);
    state_->pending->images[at].append(std::as_bytes(std::span(rows.images)));
    SplitData& tags = state_->tags[at];
    const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    add(tags.labels, rows.labels);
    add(tags.ids, rows.ids);
    add(tags.groups, rows.groups);
    add(tags.subdomains, rows.subdomains);
}

void DatasetWriter::set_origin(std::string origin) { state_->head.origin = std::move(origin); }

DatasetSummary DatasetWriter::finish() {
    const DatasetHead& head = state_->head;
    const auto& tags = state_->tags;
    check_rows(head, {&tags[0], &tags[1], &tags[2]});
    DatasetSummary summary{head, {}};
    for (std::size_t i = 0; i < kSplits.size(); ++i) summary.rows[i] = tags[i].rows();
    if (summary.rows != state_->most_rows)
        state_->pending = compacted(*state_->pending, state_->path, head, summary.rows);
    h5::Writer& writer = state_->pending->writer;
    writer.attribute("/", "name", head.name);
    writer.attribute("/", "height", head.height);
    writer.attribute("/", "width", head.width);
    writer.attribute("/", "channels", head.channels);
    writer.text("origin", head.origin);
    writer.texts("class_names", head.class_names);
    writer.texts("group_names", head.group_names);
    writer.texts("subdomain_names", head.subdomain_names);
    for (const auto split : kSplits) {
        const auto& data = tags[static_cast<std::size_t>(split)];
        const auto name = split_name(split);
        state_->pending->images[static_cast<std::size_t>(split)].finish();
        writer.array(labels_place(split), {data.rows()}, data.labels);
        writer.array(name + "/ids", {data.rows()}, data.ids);
        writer.array(name + "/groups", {data.rows()}, data.groups);
        writer.array(name + "/subdomains", {data.rows()}, data.subdomains);
    }
    writer.finish();
    return summary;
}

void write_dataset(const std::filesystem::path& path, const DatasetContents& contents) {
    const SplitRows splits{&contents.train, &contents.validation, &contents.test};
    check_head(contents);
    std::array<std::int64_t, 3> rows{};
    for (const auto split : kSplits) {
        const auto at = static_cast<std::size_t>(split);
        check_lengths(contents, split, *splits[at]);
        rows[at] = splits[at]->rows();
    }
    check_rows(contents, splits);
    DatasetWriter writer(path, contents, rows);
    for (const auto split : kSplits) writer.append(split, *splits[static_cast<std::size_t>(split)]);
    (void)writer.finish();
}

}  // namespace vtvc
