// The archives come from tests/golden/make_npz.py.
#include <gtest/gtest.h>

#include "../support.hpp"
#include "imported.hpp"
#include "vtvc/datasets/import.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

NpzSources sources(const std::string& name) {
    NpzSources made;
    made.file = std::filesystem::path(VTVC_TEST_SOURCE_DIR) / "../../golden/npz" / (name + ".npz");
    made.name = "toy";
    return made;
}

TEST(ImportNpz, ReadsColourImagesUnderTheUsualNames) {
    const auto contents = test::imported(import_npz, sources("colour"));
    EXPECT_EQ(contents.train.rows() + contents.validation.rows(), 12);
    EXPECT_EQ(contents.validation.rows(), 3);
    EXPECT_EQ(contents.height, 2);
    EXPECT_EQ(contents.width, 3);
    EXPECT_EQ(contents.channels, 3);
    EXPECT_EQ(contents.class_names, (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_EQ(contents.test.labels, (std::vector<std::int32_t>{0, 1, 2, 0}));
    EXPECT_EQ(contents.test.images[19], 26);
    for (std::size_t i = 0; i < contents.train.ids.size(); ++i) {
        EXPECT_EQ(contents.train.labels[i], contents.train.ids[i] % 3);
        EXPECT_EQ(contents.train.images[18 * i], static_cast<std::uint8_t>(18 * contents.train.ids[i]));
    }
}

TEST(ImportNpz, ReadsGreyImagesUnderOtherNamesWhateverTheirOrder) {
    auto given = sources("grey");
    given.train_images = std::string("a");
    given.train_labels = std::string("b");
    given.test_images = std::string("c");
    given.test_labels = std::string("d");
    given.class_names = {"x", "y", "z"};
    const auto contents = test::imported(import_npz, given);
    EXPECT_EQ(contents.channels, 1);
    EXPECT_EQ(contents.class_names, given.class_names);
    EXPECT_EQ(contents.test.labels, (std::vector<std::int32_t>{0, 1, 2, 0}));
    for (std::size_t i = 0; i < contents.train.ids.size(); ++i)
        for (std::size_t pixel = 0; pixel < 6; ++pixel)
            EXPECT_EQ(
                contents.train.images[6 * i + pixel],
                static_cast<std::uint8_t>(18 * static_cast<std::size_t>(contents.train.ids[i]) + 3 * pixel));
}

TEST(ImportNpz, RefusesWhatIsNoDataSet) {
    const auto refused = [](const std::string& name, const std::vector<std::string>& parts) {
        SCOPED_TRACE(name);
        expect_refused([&] { (void)test::imported(import_npz, sources(name)); }, parts);
    };
    refused("absent", {"absent.npz"});
    refused("no_test", {"x_test"});
    refused("real_images", {"'x_train'", "f64", "images are u8"});
    refused("channels_first", {"'x_train'", "12 x 3 x 2 x 5", "transpose"});
    refused("few_labels", {"'y_train'", "is 11", "12 images"});
    refused("one_hot", {"'y_train'", "12 x 3", "one label for each"});
    refused("real_labels", {"'y_train'", "f64", "whole numbers"});
    refused("negative_label", {"label -1 of row 0", "'y_train'"});
    refused("huge_label", {"label 8589934592 of row 1"});
    refused("no_rows", {"'x_test'", "no pixels"});
    refused("other_size", {"training images are 2x3x3, test images 1x3x3"});
    auto given = sources("colour");
    given.class_names = {"a", "b"};
    expect_refused([&] { (void)test::imported(import_npz, given); },
                   {"label 2 of row 2", "name every class"});
    given.validation = 1;
    EXPECT_THROW((void)test::imported(import_npz, given), ConfigError);
}

}  // namespace
}  // namespace vtvc
