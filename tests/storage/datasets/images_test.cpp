#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "../support.hpp"
#include "image_folder.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/in_order.hpp"
#include "vtvc/datasets/import_images.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using test::expect_refused;

/// A grey picture whose pixels tell its number.
std::string picture(int number, int height = 9, int width = 7) {
    return fmt::format("P5 {} {} 255\n", width, height) +
           std::string(static_cast<std::size_t>(height * width), static_cast<char>(number));
}

class ImportImages : public testing::Test {
  protected:
    void put(const std::string& path, const std::string& bytes) {
        fs::create_directories((folder_ / path).parent_path());
        test::put_bytes(folder_ / path, bytes);
    }
    /// Three classes of 20 pictures of several sizes; the number is 20 · class + index.
    void flat() {
        const std::vector<std::string> classes{"cat", "Ant", "Élan"};
        for (int c = 0; c < 3; ++c)
            for (int i = 0; i < 20; ++i)
                put(fmt::format("in/{}/a{}_{:02}.pgm", classes[static_cast<std::size_t>(c)], i / 4, i),
                    picture(20 * c + i, 6 + i, 25 - i));
    }
    ImageSources sources() {
        return {.folder = folder_ / "in",
                .name = "toy",
                .steps = {.resize = 6, .crop = 4},
                .colour = Colour::grey,
                .test = .2,
                .threads = 2};
    }
    fs::path out() { return folder_ / "out.h5"; }

    test::Folder folder_;
};

TEST_F(ImportImages, CutsAFlatFolderByClass) {
    flat();
    const ImageReport report = import_images(sources(), out());
    EXPECT_EQ(report.written.rows, (std::array<std::int64_t, 3>{42, 6, 12}));
    const Dataset data = Dataset::open(out());
    EXPECT_EQ(data.class_names(), (std::vector<std::string>{"Ant", "cat", "Élan"}));  // by their bytes
    EXPECT_EQ(data.height(), 4);
    EXPECT_EQ(data.channels(), 1);
    const auto train = data.read(Split::train);
    std::map<int, int> count;
    for (std::size_t row = 0; row < train.ids.size(); ++row) {
        ++count[train.labels[row]];
        // Ids follow the files; "cat" was drawn first.
        const int number = static_cast<int>(train.ids[row]) % 20;
        const int first = std::array{20, 0, 40}.at(static_cast<std::size_t>(train.labels[row]));
        EXPECT_EQ(train.images[16 * row], first + number);
    }
    EXPECT_EQ(count, (std::map<int, int>{{0, 14}, {1, 14}, {2, 14}}));
    EXPECT_FALSE(std::is_sorted(train.ids.begin(), train.ids.end()));
    const auto sealed = read_test_labels(out());
    EXPECT_EQ(std::count(sealed.begin(), sealed.end(), 1), 4);
}

TEST_F(ImportImages, OneThreadAndManyMakeTheSameContent) {
    flat();
    auto one = sources();
    one.threads = 1;
    (void)import_images(one, folder_ / "one.h5");
    const auto hash = content_hash_of(folder_ / "one.h5");
    for (const int threads : {2, 3, 8}) {
        one.threads = threads;
        (void)import_images(one, out());
        EXPECT_EQ(content_hash_of(out()), hash) << threads;
    }
    one.seed = 1;
    (void)import_images(one, out());
    EXPECT_NE(content_hash_of(out()), hash);
}

TEST_F(ImportImages, TakesSplitsThatAreFoldersAndFilesAtAnyDepth) {
    for (const char* split : {"train", "val", "test"})
        for (const char* name : {"a", "b"}) {
            put(fmt::format("in/{}/{}/1.PGM", split, name), picture(1));
            put(fmt::format("in/{}/{}/deep/er/2.pgm", split, name), picture(2));
        }
    auto given = sources();
    given.test = 0;
    const auto report = import_images(given, out());
    EXPECT_EQ(report.written.rows, (std::array<std::int64_t, 3>{4, 4, 4}));
    given.test = .2;
    EXPECT_THROW((void)import_images(given, out()), ConfigError);
}

TEST_F(ImportImages, ListsWhatItLeavesOut) {
    flat();
    put("in/notes.txt", "x");
    put("in/.git/config", "x");
    put("in/cat/Thumbs.db", "x");
    put("in/cat/.hidden.pgm", picture(0));
    fs::create_directory_symlink(folder_ / "in/cat", folder_ / "in/Ant/link");
    const auto report = import_images(sources(), out());
    EXPECT_EQ(report.left_out, (std::vector<std::string>{".git", "Ant/link", "cat/.hidden.pgm",
                                                         "cat/Thumbs.db", "notes.txt"}));
    EXPECT_EQ(report.written.rows[0], 42);
}

TEST_F(ImportImages, NamesEveryCorruptImageAndWritesNothing) {
    flat();
    put("in/cat/a0_01.pgm", "P5 9 9 255\nshort");
    put("in/Ant/new.webp", std::string("RIFF\0\0\0\0WEBP", 12));
    try {
        (void)import_images(sources(), out());
        FAIL() << "nothing was refused";
    } catch (const BadImages& bad) {
        ASSERT_EQ(bad.images().size(), 2U);
        EXPECT_EQ(bad.images()[0].path, "Ant/new.webp");
        EXPECT_NE(bad.images()[0].reason.find("a WebP picture"), std::string::npos);
        EXPECT_EQ(bad.images()[1].path, "cat/a0_01.pgm");
        EXPECT_NE(std::string(bad.what()).find("2 of 61 images"), std::string::npos) << bad.what();
        EXPECT_NE(std::string(bad.what()).find("--on-corrupt skip"), std::string::npos);
    }
    EXPECT_EQ(folder_.files(), 1U);  // the input
}

TEST_F(ImportImages, SkipsCorruptImagesWhenAsked) {
    flat();
    (void)import_images(sources(), folder_ / "whole.h5");
    const auto whole = Dataset::open(folder_ / "whole.h5").read(Split::train);
    put("in/cat/a0_01.pgm", "");
    auto given = sources();
    given.on_corrupt = OnCorrupt::skip;
    const auto report = import_images(given, out());
    ASSERT_EQ(report.skipped.size(), 1U);
    EXPECT_EQ(report.skipped[0].path, "cat/a0_01.pgm");
    EXPECT_EQ(report.written.rows[0] + report.written.rows[1] + report.written.rows[2], 59);
    EXPECT_NE(report.written.head.origin.find("1 of 60 images could not be read"), std::string::npos);
    // The others keep their ids and splits.
    const auto train = Dataset::open(out()).read(Split::train);
    auto expected = whole.ids;
    std::erase(expected, 21);
    EXPECT_EQ(train.ids, expected);
}

TEST_F(ImportImages, CutsByGroups) {
    flat();
    auto given = sources();
    given.groups_by = "^(a[0-9]+)_";
    const auto report = import_images(given, out());
    EXPECT_EQ(report.written.head.group_names, (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4"}));
    const Dataset data = Dataset::open(out());
    std::map<int, std::set<int>> splits;
    for (const auto split : {Split::train, Split::validation, Split::test})
        for (const auto group : data.read(split).groups) splits[group].insert(static_cast<int>(split));
    EXPECT_EQ(splits.size(), 5U);
    for (const auto& [group, where] : splits) EXPECT_EQ(where.size(), 1U) << group;
    EXPECT_EQ(report.written.rows[2], 12);  // one group of five
    given.groups_by = "x";
    EXPECT_THROW((void)import_images(given, out()), ConfigError);
    given.groups_by = "(";
    EXPECT_THROW((void)import_images(given, out()), ConfigError);
    given.groups_by = "a";
    expect_refused([&] { (void)import_images(given, out()); }, {"1 group", "cut by class"});
}

TEST_F(ImportImages, RefusesFoldersThatAreNoDataSet) {
    auto given = sources();
    expect_refused([&] { (void)import_images(given, out()); }, {"in is not a folder"});
    put("in/a/1.pgm", picture(1));
    expect_refused([&] { (void)import_images(given, out()); }, {"1 class folders"});
    fs::create_directories(folder_ / "in/b");
    expect_refused([&] { (void)import_images(given, out()); }, {"class 'b' has no images"});
    put("in/b/1.pgm", picture(1));
    expect_refused([&] { (void)import_images(given, out()); }, {"class 'a' has 1 training rows"});
    given.test = 0;
    EXPECT_THROW((void)import_images(given, out()), ConfigError);  // no test folder, no share
    given.test = 1;
    EXPECT_THROW((void)import_images(given, out()), ConfigError);
    given.test = .2;
    put("in/test/a/1.pgm", picture(1));
    expect_refused([&] { (void)import_images(given, out()); }, {"none called train"});
    put("in/train/a/1.pgm", picture(1));
    put("in/train/b/1.pgm", picture(1));
    put("in/test/c/1.pgm", picture(1));
    expect_refused([&] { (void)import_images(given, out()); }, {"class 'c' is in", "not in train"});
    put("in/val/a/1.pgm", picture(1));
    put("in/valid/a/1.pgm", picture(1));
    expect_refused([&] { (void)import_images(given, out()); }, {"both val and valid"});
    EXPECT_FALSE(fs::exists(out()));
}

TEST_F(ImportImages, RefusesImpossibleSettings) {
    flat();
    const auto refused = [&](const auto& spoil) {
        auto given = sources();
        spoil(given);
        EXPECT_THROW((void)import_images(given, out()), ConfigError);
    };
    refused([](auto& s) { s.steps.crop = 7; });
    refused([](auto& s) { s.validation = 0; });
    refused([](auto& s) { s.threads = -1; });
    EXPECT_EQ(folder_.files(), 1U);
}

}  // namespace
}  // namespace vtvc
