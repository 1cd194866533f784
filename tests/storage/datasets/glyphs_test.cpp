#include "vtvc/datasets/glyphs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "outline.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

std::vector<const SplitData*> splits(const DatasetContents& contents) {
    return {&contents.train, &contents.validation, &contents.test};
}

void expect_same(const SplitData& a, const SplitData& b) {
    EXPECT_EQ(a.images, b.images);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.ids, b.ids);
    EXPECT_EQ(a.groups, b.groups);
}

TEST(Glyphs, SameSeedSameBytesOtherSeedOthers) {
    const DatasetContents first = render_glyphs({.set = GlyphSet::digits});
    const DatasetContents again = render_glyphs({.set = GlyphSet::digits});
    const DatasetContents other = render_glyphs({.set = GlyphSet::digits, .seed = 1});
    expect_same(first.train, again.train);
    expect_same(first.validation, again.validation);
    expect_same(first.test, again.test);
    EXPECT_NE(first.train.images, other.train.images);
}

class Alphabets : public testing::TestWithParam<std::pair<GlyphSet, std::size_t>> {};

TEST_P(Alphabets, KeepFamiliesInOneSplitAndClassesEven) {
    const auto [set, classes] = GetParam();
    const DatasetContents contents = render_glyphs({.set = set});
    EXPECT_EQ(contents.class_names.size(), classes);
    std::map<std::int32_t, const SplitData*> owner;
    std::set<std::int64_t> ids;
    std::int64_t rows = 0;
    for (const SplitData* split : splits(contents)) {
        std::map<std::int32_t, std::int64_t> count;
        for (std::size_t row = 0; row < split->ids.size(); ++row) {
            ASSERT_GE(split->groups[row], 0);
            ASSERT_EQ(owner.emplace(split->groups[row], split).first->second, split);
            ids.insert(split->ids[row]);
            ++count[split->labels[row]];
        }
        ASSERT_EQ(count.size(), classes);
        for (const auto& [label, number] : count) EXPECT_EQ(number, count[0]) << label;
        rows += split->rows();
    }
    EXPECT_EQ(static_cast<std::int64_t>(ids.size()), rows);
    EXPECT_GE(contents.train.rows(), 4000) << "are the fonts of cmake/packages.txt installed?";
}
INSTANTIATE_TEST_SUITE_P(Glyphs, Alphabets,
                         testing::Values(std::pair(GlyphSet::latin, 26U), std::pair(GlyphSet::greek, 24U),
                                         std::pair(GlyphSet::cyrillic, 32U),
                                         std::pair(GlyphSet::digits, 10U)),
                         [](const auto& alphabet) {
                             return std::string(
                                 EnumNames<GlyphSet>::names[static_cast<std::size_t>(alphabet.param.first)]);
                         });

TEST(Glyphs, TrainRowsAreShuffled) {
    const DatasetContents contents = render_glyphs({.set = GlyphSet::digits});
    EXPECT_FALSE(std::is_sorted(contents.train.ids.begin(), contents.train.ids.end()));
    const std::set<std::int32_t> early(contents.train.labels.begin(), contents.train.labels.begin() + 100);
    EXPECT_EQ(early.size(), 10U);
}

TEST(Glyphs, LimitBoundsRowsOfAClassInASplit) {
    const DatasetContents contents = render_glyphs({.set = GlyphSet::digits, .limit = 7});
    EXPECT_EQ(contents.train.rows(), 70);
    EXPECT_EQ(contents.test.rows(), 70);
}

TEST(Glyphs, FoundationHasEveryClassInEverySplit) {
    const DatasetContents contents = render_glyphs({.classes = 50, .per_class = 20});
    EXPECT_EQ(contents.train.rows(), 50 * 18);
    EXPECT_EQ(contents.validation.rows(), 50);
    EXPECT_EQ(contents.test.rows(), 50);
    for (const SplitData* split : splits(contents)) {
        const std::set<std::int32_t> labels(split->labels.begin(), split->labels.end());
        EXPECT_EQ(labels.size(), 50U);
    }
    const std::set<std::string> names(contents.class_names.begin(), contents.class_names.end());
    EXPECT_EQ(names.size(), 50U);
    for (const std::string& name : names) EXPECT_GE(name.substr(0, 2), "\xd4\xb0") << name;  // U+0530 on
}

TEST(Glyphs, EveryPictureShowsInk) {
    const DatasetContents contents = render_glyphs({.set = GlyphSet::cyrillic});
    const auto bytes = static_cast<std::ptrdiff_t>(contents.image_bytes());
    for (auto row = contents.train.images.begin(); row != contents.train.images.end(); row += bytes)
        ASSERT_TRUE(std::any_of(row, row + bytes, [](std::uint8_t pixel) { return pixel > 20; }));
}

TEST(Glyphs, ImpossibleOptionsAreRefused) {
    EXPECT_THROW(render_glyphs({.classes = 1}), ConfigError);
    EXPECT_THROW(render_glyphs({.per_class = 3}), ConfigError);
    EXPECT_THROW(render_glyphs({.classes = 1000000}), StorageError);
    EXPECT_THROW(render_glyphs({.set = GlyphSet::latin, .faces_per_family = 0}), ConfigError);
    EXPECT_THROW(render_glyphs({.set = GlyphSet::latin, .limit = -1}), ConfigError);
}

/// Ink in the rows [top, bottom) and columns [left, right).
long ink(std::span<const std::uint8_t> image, int top, int bottom, int left, int right) {
    long sum = 0;
    for (int y = top; y < bottom; ++y)
        for (int x = left; x < right; ++x) sum += image[static_cast<std::size_t>(y * glyph_side + x)];
    return sum;
}

TEST(Outline, LettersStandUprightCentredAndTwentyPixelsHigh) {
    const std::vector<FontFace> faces = installed_faces(std::vector<char32_t>{U'L', U'T'});
    const auto plain = std::find_if(faces.begin(), faces.end(), [](const FontFace& face) {
        return face.family == "DejaVu Sans" && face.style == "Book";
    });
    ASSERT_NE(plain, faces.end()) << "install fonts-dejavu-core";
    const Typeface face = Typeface::open(*plain);
    std::vector<std::uint8_t> image(glyph_bytes);
    ASSERT_TRUE(face.draw(U'L', {}, image));
    EXPECT_GT(ink(image, 21, 24, 0, 28), 2 * ink(image, 4, 7, 0, 28));   // its foot is at the bottom
    EXPECT_GT(ink(image, 4, 24, 0, 14), 2 * ink(image, 4, 24, 14, 28));  // its stem on the left
    EXPECT_EQ(ink(image, 0, 4, 0, 28), 0);
    EXPECT_EQ(ink(image, 24, 28, 0, 28), 0);
    EXPECT_GT(ink(image, 4, 5, 0, 28), 0);

    std::vector<std::uint8_t> moved(glyph_bytes);
    ASSERT_TRUE(face.draw(U'L', {.dx = 2, .dy = -3}, moved));
    for (std::size_t y = 3; y < 28; ++y)
        for (std::size_t x = 2; x < 28; ++x) ASSERT_EQ(moved[y * 28 + x], image[(y - 3) * 28 + x - 2]);
    EXPECT_FALSE(face.draw(U' ', {}, image));
    EXPECT_FALSE(face.draw(0x10fffd, {}, image));
}

TEST(Outline, AFileThatIsNoFontIsRefusedByName) {
    try {
        (void)Typeface::open({.path = "/dev/null", .index = 0, .family = "", .style = ""});
        FAIL() << "no error";
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("/dev/null"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace vtvc
