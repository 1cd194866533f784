#include "vtvc/storage/dataset.hpp"

#include <fmt/format.h>

#include <functional>

#include "support.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

TEST(Dataset, ReadsBackWhatWasWrittenButNotTheTestLabels) {
    const test::Folder folder;
    const auto written = test::small_dataset();
    write_dataset(folder / "data.h5", written);
    const auto data = Dataset::open(folder / "data.h5");
    EXPECT_EQ(data.name(), "shapes");
    EXPECT_EQ(data.height(), 2);
    EXPECT_EQ(data.width(), 3);
    EXPECT_EQ(data.channels(), 1);
    EXPECT_EQ(data.class_names(), written.class_names);
    EXPECT_EQ(data.group_names(), written.group_names);
    EXPECT_EQ(data.subdomain_names(), written.subdomain_names);
    EXPECT_EQ(data.hash(), content_hash_of(folder / "data.h5"));
    for (const auto& [split, source] : {std::pair{Split::train, &written.train},
                                        {Split::validation, &written.validation},
                                        {Split::test, &written.test}}) {
        SCOPED_TRACE(split_name(split));
        EXPECT_EQ(data.rows(split), source->rows());
        const auto read = data.read(split);
        EXPECT_EQ(read.images, source->images);
        EXPECT_EQ(read.ids, source->ids);
        EXPECT_EQ(read.groups, source->groups);
        EXPECT_EQ(read.subdomains, source->subdomains);
        EXPECT_EQ(read.labels, split == Split::test ? std::vector<std::int32_t>{} : source->labels);
    }
    EXPECT_EQ(read_test_labels(folder / "data.h5"), written.test.labels);
}

TEST(Dataset, ReadsWindowsOfRows) {
    const test::Folder folder;
    const auto written = test::small_dataset();
    write_dataset(folder / "data.h5", written);
    const auto data = Dataset::open(folder / "data.h5");
    const auto two = data.read(Split::train, 1, 2);
    EXPECT_EQ(two.ids, (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(two.images,
              std::vector<std::uint8_t>(written.train.images.begin() + 6, written.train.images.begin() + 18));
    EXPECT_EQ(data.read(Split::train, 3).ids, (std::vector<std::int64_t>{3, 4}));
    EXPECT_EQ(data.read(Split::train, 4, 100).ids, (std::vector<std::int64_t>{4}));
    EXPECT_EQ(data.read(Split::train, 100, 2).rows(), 0);
    EXPECT_EQ(read_test_labels(folder / "data.h5", 2, 1),
              (std::vector<std::int32_t>{written.test.labels[2]}));
    expect_refused([&] { (void)data.read(Split::train, -1, 2); }, {"data.h5", "negative"});
}

TEST(Dataset, WindowsThatCrossChecksumUnitsAreExact) {
    const test::Folder folder;
    auto contents = test::small_dataset();
    contents.train = test::split_of(2500, 1000, 0, 6);  // images carry a checksum for each 1,024 rows
    write_dataset(folder / "data.h5", contents);
    const auto data = Dataset::open(folder / "data.h5");
    for (const auto& [first, count] :
         {std::pair{0, 1024}, {1023, 2}, {1000, 1200}, {2047, 453}, {2499, 1}, {1024, 1024}}) {
        const auto read = data.read(Split::train, first, count);
        const auto from = contents.train.images.begin() + first * 6;
        EXPECT_EQ(read.images, std::vector<std::uint8_t>(from, from + count * 6)) << first << " " << count;
        EXPECT_EQ(read.ids.front(), 1000 + first);
        EXPECT_EQ(read.rows(), count);
    }
}

TEST(Dataset, AllowsAnEmptyValidationSplit) {
    const test::Folder folder;
    auto contents = test::small_dataset();
    contents.validation = {};
    write_dataset(folder / "data.h5", contents);
    EXPECT_EQ(Dataset::open(folder / "data.h5").read(Split::validation).rows(), 0);
}

TEST(Dataset, NoticesThatTheFileWasReplaced) {
    const test::Folder folder;
    auto contents = test::small_dataset();
    write_dataset(folder / "data.h5", contents);
    const auto data = Dataset::open(folder / "data.h5");
    contents.train.images[0] ^= 1;
    write_dataset(folder / "data.h5", contents);
    expect_refused([&] { (void)data.read(Split::train); }, {"data.h5", "replaced"});
}

struct Refusal {
    const char* name;
    std::function<void(DatasetContents&)> spoil;
    std::vector<std::string> parts;
    friend std::ostream& operator<<(std::ostream& out, const Refusal& refusal) { return out << refusal.name; }
};

class DatasetRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(DatasetRefuses, AndWritesNothing) {
    const test::Folder folder;
    auto contents = test::small_dataset();
    GetParam().spoil(contents);
    expect_refused([&] { write_dataset(folder / "data.h5", contents); }, GetParam().parts);
    EXPECT_EQ(folder.files(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Contents, DatasetRefuses,
    testing::Values(
        Refusal{
            "LabelTooLarge", [](auto& c) { c.train.labels[3] = 3; }, {"train", "label 3 at row 3", "[0, 3)"}},
        Refusal{"NegativeTestLabel", [](auto& c) { c.test.labels[1] = -1; }, {"test", "label -1 at row 1"}},
        Refusal{"OneClassName", [](auto& c) { c.class_names = {"circle"}; }, {"1 class names"}},
        Refusal{"OneClassInTrain",
                [](auto& c) { c.train.labels.assign(5, 2); },
                {"every train row is of class 2"}},
        Refusal{"NoTrainRows", [](auto& c) { c.train = {}; }, {"train split has no samples"}},
        Refusal{"NoTestRows", [](auto& c) { c.test = {}; }, {"test split has no samples"}},
        Refusal{"NoName", [](auto& c) { c.name.clear(); }, {"needs a name"}},
        Refusal{"NoPixels", [](auto& c) { c.height = 0; }, {"no pixels"}},
        Refusal{"TooFewImageBytes",
                [](auto& c) { c.train.images.pop_back(); },
                {"train", "29 image bytes", "30"}},
        Refusal{
            "TooFewLabels", [](auto& c) { c.validation.labels.pop_back(); }, {"validation", "1 labels", "2"}},
        Refusal{"TooFewGroups", [](auto& c) { c.test.groups.clear(); }, {"test", "0 groups"}},
        Refusal{"SubdomainWithoutName", [](auto& c) { c.test.subdomains[0] = 1; }, {"subdomain 1 at row 0"}},
        Refusal{"GroupWithoutName", [](auto& c) { c.test.groups[2] = 3; }, {"group 3 at row 2"}},
        Refusal{"GroupInTrainAndTest",
                [](auto& c) { c.test.groups[2] = 0; },
                {"group 0 first", "train", "test", "row 2"}},
        Refusal{"GroupInTrainAndValidation",
                [](auto& c) { c.validation.groups[1] = 0; },
                {"group 0", "train", "validation", "row 1"}},
        Refusal{"GroupInValidationAndTest",
                [](auto& c) { c.test.groups[3] = 1; },
                {"group 1", "validation", "test", "row 3"}},
        Refusal{"IdTwice", [](auto& c) { c.test.ids[2] = c.train.ids[4]; }, {"test", "id 4 at row 2"}}),
    [](const auto& test_info) { return test_info.param.name; });

}  // namespace
}  // namespace vtvc
