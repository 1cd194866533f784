#include "vtvc/storage/features.hpp"

#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

TEST(Features, ReadsBackWhatWasWritten) {
    const test::Folder folder;
    const auto written = test::small_features();
    write_features(folder / "f.h5", written);
    const auto features = Features::open(folder / "f.h5", "dataset-hash", "");
    EXPECT_EQ(features.width(), 2);
    EXPECT_EQ(features.dataset_hash(), "dataset-hash");
    EXPECT_EQ(features.model_hash(), "model-hash");
    EXPECT_EQ(features.hash(), content_hash_of(folder / "f.h5"));
    const auto train = features.read(Split::train);
    EXPECT_EQ(train.rows, 5);
    EXPECT_EQ(train.width, 2);
    EXPECT_EQ(train.values, written.train.values);
    EXPECT_EQ(train.ids, written.train.ids);
    EXPECT_EQ(features.read(Split::validation).rows, 0);
    const auto last = features.read(Split::test, 2, 9);
    EXPECT_EQ(last.rows, 1);
    EXPECT_EQ(last.values, (std::vector<float>{4.25F, -2.25F}));
    EXPECT_EQ(last.ids, (std::vector<std::int64_t>{20}));
}

TEST(Features, RefusesThoseOfAnotherDatasetOrModelAndNamesBothHashes) {
    const test::Folder folder;
    write_features(folder / "f.h5", test::small_features());
    expect_refused([&] { (void)Features::open(folder / "f.h5", "other", ""); },
                   {"f.h5", "data set", "dataset-hash", "other"});
    expect_refused([&] { (void)Features::open(folder / "f.h5", "dataset-hash", "changed"); },
                   {"f.h5", "model", "model-hash", "changed"});
}

TEST(Features, RefusesRowsThatDoNotFit) {
    const test::Folder folder;
    auto contents = test::small_features();
    contents.test.ids.pop_back();
    expect_refused([&] { write_features(folder / "f.h5", contents); }, {"test", "2 ids"});
    contents = test::small_features();
    contents.test.width = 3;
    expect_refused([&] { write_features(folder / "f.h5", contents); }, {"test", "width 3"});
    contents = test::small_features();
    contents.train.width = 0;
    expect_refused([&] { write_features(folder / "f.h5", contents); }, {"width"});
}

}  // namespace
}  // namespace vtvc
