#include "vtvc/datasets/import.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "imported.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

class ImportIdx : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("vtvc_import_" + std::to_string(getpid()));
        fs::create_directories(folder_);
        // Three classes, sorted, a picture's bytes tell its row.
        std::vector<std::uint8_t> labels;
        for (int row = 0; row < 60; ++row) labels.push_back(static_cast<std::uint8_t>(row / 20));
        sources_ = {.train_images = images("train", 60),
                    .train_labels = labelled("train", labels),
                    .test_images = images("test", 4),
                    .test_labels = labelled("test", {0, 1, 2, 1}),
                    .name = "toy",
                    .class_names = {}};
    }
    void TearDown() override { fs::remove_all(folder_); }

    fs::path write(const std::string& name, std::initializer_list<std::uint32_t> shape,
                   const std::vector<std::uint8_t>& values) {
        std::vector<char> bytes{0, 0, 8, static_cast<char>(shape.size())};
        for (const std::uint32_t size : shape)
            for (int shift = 24; shift >= 0; shift -= 8)
                bytes.push_back(static_cast<char>(size >> shift & 0xff));
        for (const std::uint8_t value : values) bytes.push_back(static_cast<char>(value));
        std::ofstream(folder_ / name, std::ios::binary)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return folder_ / name;
    }
    fs::path images(const std::string& name, std::uint32_t rows, std::uint32_t height = 2) {
        std::vector<std::uint8_t> pixels;
        for (std::uint32_t row = 0; row < rows; ++row)
            pixels.insert(pixels.end(), height * 3, static_cast<std::uint8_t>(row));
        return write(name + "-images", {rows, height, 3}, pixels);
    }
    fs::path labelled(const std::string& name, const std::vector<std::uint8_t>& labels) {
        return write(name + "-labels", {static_cast<std::uint32_t>(labels.size())}, labels);
    }
    template <class E>
    void expect_refused(const std::string& word) {
        try {
            (void)test::imported(import_idx, sources_);
            FAIL() << "no error";
        } catch (const E& error) {
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
        }
    }

    fs::path folder_;
    IdxSources sources_;
};

TEST_F(ImportIdx, SplitsEachClassAndLosesNoRow) {
    const DatasetContents contents = test::imported(import_idx, sources_);
    EXPECT_EQ(contents.train.rows(), 54);
    EXPECT_EQ(contents.validation.rows(), 6);
    EXPECT_EQ(contents.class_names, (std::vector<std::string>{"0", "1", "2"}));
    std::map<int, int> validation;
    for (const int label : contents.validation.labels) ++validation[label];
    EXPECT_EQ(validation, (std::map<int, int>{{0, 2}, {1, 2}, {2, 2}}));
    std::set<std::int64_t> ids;
    for (const SplitData* split : {&contents.train, &contents.validation})
        for (std::size_t row = 0; row < split->ids.size(); ++row) {
            const std::int64_t id = split->ids[row];
            ids.insert(id);
            EXPECT_EQ(split->labels[row], id / 20);
            EXPECT_EQ(split->images[row * 6], id);
        }
    EXPECT_EQ(ids.size(), 60U);
    EXPECT_EQ(contents.test.labels, (std::vector<std::int32_t>{0, 1, 2, 1}));
    EXPECT_EQ(contents.test.ids, (std::vector<std::int64_t>{60, 61, 62, 63}));
}

TEST_F(ImportIdx, ShufflesSortedFilesBySeed) {
    const DatasetContents contents = test::imported(import_idx, sources_);
    EXPECT_FALSE(std::is_sorted(contents.train.labels.begin(), contents.train.labels.end()));
    EXPECT_EQ(test::imported(import_idx, sources_).train.ids, contents.train.ids);
    sources_.seed = 1;
    EXPECT_NE(test::imported(import_idx, sources_).train.ids, contents.train.ids);
}

TEST_F(ImportIdx, RefusesFilesThatDoNotFitEachOther) {
    sources_.train_labels = labelled("short", std::vector<std::uint8_t>(59));
    expect_refused<StorageError>("59 labels");
    sources_.train_labels = sources_.train_images;
    expect_refused<StorageError>("swapped");
}

TEST_F(ImportIdx, RefusesTestImagesOfAnotherSize) {
    sources_.test_images = images("tall", 4, 5);
    expect_refused<StorageError>("5x3x1");
}

TEST_F(ImportIdx, RefusesLabelsWithoutAName) {
    sources_.class_names = {"a", "b"};
    expect_refused<StorageError>("label 2 of row 40");
    sources_.class_names = {"a", "b", "c"};
    sources_.test_labels = labelled("wild", {0, 1, 9, 1});
    expect_refused<StorageError>("label 9 of row 2");
}

TEST_F(ImportIdx, RefusesOneClassAndClassesTooSmallToSplit) {
    sources_.train_labels = labelled("one", std::vector<std::uint8_t>(60));
    sources_.test_labels = labelled("one-test", {0, 0, 0, 0});
    expect_refused<StorageError>("one class");
    std::vector<std::uint8_t> lonely(60);
    lonely[5] = 1;
    sources_.train_labels = labelled("lonely", lonely);
    expect_refused<StorageError>("class '1' has 1");
}

TEST_F(ImportIdx, RefusesNoRowsMissingFilesAndImpossibleShares) {
    sources_.validation = 1;
    expect_refused<ConfigError>("share");
    sources_.validation = .1;
    sources_.test_images = images("empty", 0);
    sources_.test_labels = labelled("empty", {});
    expect_refused<StorageError>("empty-images");
    sources_.train_images = folder_ / "absent";
    expect_refused<StorageError>("absent");
}

/// The shared sets, grey and RGB: rows and classes are those that their README states.
TEST(ImportIdxShared, ReadsTheSharedSets) {
    const char* given = std::getenv("VTVC_SHARED");
    const fs::path shared =
        given != nullptr ? fs::path(given) : fs::path(VTVC_TEST_SOURCE_DIR) / "../../../../shared";
    if (!fs::exists(shared / "data/gtsrb-sub"))
        GTEST_SKIP() << "no shared data here (VTVC_SHARED, or ../shared beside the checkout)";
    struct Known {
        const char* folder;
        std::int64_t train, test, side, channels, classes;
    };
    for (const auto& known :
         {Known{"gtsrb-sub", 6535, 3135, 32, 3, 43}, Known{"neu-det-q32", 5400, 1800, 32, 1, 6}}) {
        SCOPED_TRACE(known.folder);
        const fs::path folder = shared / "data" / known.folder;
        const DatasetContents contents =
            test::imported(import_idx, IdxSources{.train_images = folder / "train-images-idx-ubyte.gz",
                                                  .train_labels = folder / "train-labels-idx1-ubyte.gz",
                                                  .test_images = folder / "test-images-idx-ubyte.gz",
                                                  .test_labels = folder / "test-labels-idx1-ubyte.gz",
                                                  .name = known.folder,
                                                  .class_names = {}});
        EXPECT_EQ(contents.train.rows() + contents.validation.rows(), known.train);
        EXPECT_EQ(contents.test.rows(), known.test);
        EXPECT_EQ(contents.height, known.side);
        EXPECT_EQ(contents.width, known.side);
        EXPECT_EQ(contents.channels, known.channels);
        EXPECT_EQ(contents.class_names.size(), static_cast<std::size_t>(known.classes));
    }
}

}  // namespace
}  // namespace vtvc
