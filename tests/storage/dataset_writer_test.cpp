#include "vtvc/storage/dataset_writer.hpp"

#include "h5_rows.hpp"
#include "h5_writer.hpp"
#include "support.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

SplitData rows_of(const SplitData& from, std::int64_t first, std::int64_t count, std::int64_t image_bytes) {
    const auto cut = [](const auto& values, std::int64_t start, std::int64_t size) {
        return std::vector(values.begin() + start, values.begin() + start + size);
    };
    return {cut(from.images, first * image_bytes, count * image_bytes), cut(from.labels, first, count),
            cut(from.ids, first, count), cut(from.groups, first, count), cut(from.subdomains, first, count)};
}

/// Larger than a checksum's run in train.
DatasetContents contents_of_2500() {
    auto contents = test::small_dataset();
    contents.train = test::split_of(2500, 1000, 0, 6);
    return contents;
}

void append_in(DatasetWriter& writer, Split split, const SplitData& from, std::int64_t portion) {
    for (std::int64_t first = 0; first < from.rows(); first += portion)
        writer.append(split, rows_of(from, first, std::min(portion, from.rows() - first), 6));
}

TEST(DatasetWriter, PortionsOfAnySizeMakeTheSameFile) {
    const test::Folder folder;
    const auto contents = contents_of_2500();
    write_dataset(folder / "whole.h5", contents);
    const std::string hash = content_hash_of(folder / "whole.h5");
    const auto size = std::filesystem::file_size(folder / "whole.h5");
    for (const std::int64_t portion : {1, 7, 1023, 1024, 1025, 2500}) {
        DatasetWriter writer(folder / "parts.h5", contents, {2500, 2, 4});
        append_in(writer, Split::test, contents.test, portion);  // in any order of the splits
        append_in(writer, Split::train, contents.train, portion);
        append_in(writer, Split::validation, contents.validation, portion);
        const auto summary = writer.finish();
        EXPECT_EQ(summary.rows, (std::array<std::int64_t, 3>{2500, 2, 4}));
        EXPECT_EQ(content_hash_of(folder / "parts.h5"), hash) << portion;
        EXPECT_EQ(std::filesystem::file_size(folder / "parts.h5"), size) << portion;
    }
    EXPECT_EQ(Dataset::open(folder / "parts.h5").read(Split::train).images, contents.train.images);
}

TEST(DatasetWriter, RoomThatWasNotUsedIsNotKept) {
    const test::Folder folder;
    const auto contents = contents_of_2500();
    write_dataset(folder / "whole.h5", contents);
    DatasetWriter writer(folder / "parts.h5", contents, {90000, 3, 4});
    append_in(writer, Split::train, contents.train, 100);
    append_in(writer, Split::validation, contents.validation, 100);
    append_in(writer, Split::test, contents.test, 100);
    (void)writer.finish();
    EXPECT_EQ(content_hash_of(folder / "parts.h5"), content_hash_of(folder / "whole.h5"));
    EXPECT_EQ(std::filesystem::file_size(folder / "parts.h5"),
              std::filesystem::file_size(folder / "whole.h5"));
    EXPECT_EQ(read_test_labels(folder / "parts.h5"), contents.test.labels);
    EXPECT_EQ(folder.files(), 2U);
}

TEST(DatasetWriter, RefusesPartsThatDoNotFitAndLeavesNothing) {
    const test::Folder folder;
    const auto contents = test::small_dataset();
    {
        DatasetWriter writer(folder / "data.h5", contents, {5, 2, 4});
        auto rows = contents.train;
        rows.images.pop_back();
        expect_refused([&] { writer.append(Split::train, rows); }, {"29 image bytes for 5 rows, 30"});
        writer.append(Split::train, contents.train);
        expect_refused([&] { writer.append(Split::train, contents.train); },
                       {"row 10", "room was taken for 5"});
    }
    EXPECT_EQ(folder.files(), 0U);
}

TEST(DatasetWriter, ChecksAllRowsAtTheEnd) {
    const test::Folder folder;
    const auto contents = test::small_dataset();
    {
        DatasetWriter writer(folder / "data.h5", contents, {5, 2, 9});
        writer.append(Split::train, contents.train);
        writer.append(Split::test, contents.test);
        auto again = contents.test;
        writer.append(Split::test, again);
        expect_refused([&] { (void)writer.finish(); }, {"test split", "id 200 at row 4 was used before"});
    }
    EXPECT_EQ(folder.files(), 0U);
    expect_refused([&] { DatasetWriter(folder / "data.h5", DatasetHead{}, {1, 1, 1}); }, {"needs a name"});
}

TEST(DatasetWriter, AsksForRoomFirst) {
    const test::Folder folder;
    const auto contents = test::small_dataset();
    expect_refused(
        [&] {
            DatasetWriter(folder / "data.h5", contents, {std::int64_t{1} << 50, 0, 1});
        },
        {"no room for", "data.h5"});
    expect_refused(
        [&] {
            DatasetWriter(folder / "data.h5", contents, {std::int64_t{1} << 62, 0, 1});
        },
        {"shapes"});
    EXPECT_EQ(folder.files(), 0U);
}

TEST(RowWriter, NeedsEveryRow) {
    const test::Folder folder;
    h5::Writer writer(folder / "data.h5", "test", 1, 100);
    h5::RowWriter rows(writer, "values", h5::Type::u8, {4, 2}, 3);
    const std::vector<std::byte> two(4);
    rows.append(two);
    expect_refused([&] { rows.finish(); }, {"'values' was given 2 rows of 4"});
    expect_refused([&] { rows.append(std::span(two).first(3)); }, {"3 bytes", "a row has 2"});
    std::vector<std::byte> out(2);
    expect_refused([&] { rows.read(2, 1, out); }, {"no rows 2 to 3"});
}

}  // namespace
}  // namespace vtvc
