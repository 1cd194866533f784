#include "families.hpp"

#include <gtest/gtest.h>

#include <map>

#include "fonts.hpp"
#include "letters.hpp"

namespace vtvc {
namespace {

TEST(Families, FirstWordNamesAFamilyAndFoundriesStepBack) {
    EXPECT_EQ(family_word("DejaVu Sans Mono"), "dejavu");
    EXPECT_EQ(family_word("Hack"), "hack");
    EXPECT_EQ(family_word("GFS Didot Classic"), "didot");
    EXPECT_EQ(family_word("URW Gothic"), "gothic");
}

TEST(Families, DifferenceIsZeroForTheSameInkAndOneForNone) {
    const std::vector<std::uint8_t> left{255, 0}, right{0, 255}, blank{0, 0};
    EXPECT_EQ(difference(left, left), 0);
    EXPECT_EQ(difference(left, right), 1);
    EXPECT_EQ(difference(blank, blank), 0);
}

TEST(Families, ClonesAndWordsChainIntoOneGroupWithTheLeastName) {
    const std::vector<std::uint8_t> one{200, 0, 0}, two{0, 200, 0}, three{0, 0, 200};
    const std::vector<FaceDrawing> faces{
        {"Tinos", one}, {"Liberation Serif", one}, {"Liberation Sans", two}, {"Arimo", two}, {"Lato", three}};
    const std::vector<std::string> expected{"arimo", "arimo", "arimo", "arimo", "lato"};
    EXPECT_EQ(group_families(faces, .1), expected);
}

TEST(Families, SplitsFollowTheStatedShares) {
    std::map<Split, int> count;
    for (int i = 0; i < 10000; ++i) ++count[split_of_group("family" + std::to_string(i))];
    EXPECT_NEAR(count[Split::test], 3000, 150);  // three standard deviations and a little
    EXPECT_NEAR(count[Split::validation], 1000, 100);
}

TEST(Families, FoundationTakesScriptsWithoutKinOfTheTargets) {
    EXPECT_EQ(foundation_script("NotoSansAdlam-Bold.ttf"), "Adlam");
    EXPECT_EQ(foundation_script("NotoSerifThai-Regular.ttf"), "Thai");
    for (const char* other : {"NotoSans-Regular.ttf", "NotoSansMono-Bold.ttf", "NotoSansLisu-Regular.ttf",
                              "NotoSansThai-Light.ttf", "DejaVuSans.ttf", "NotoSansMath-Regular.ttf"})
        EXPECT_EQ(foundation_script(other), "") << other;
}

TEST(Families, OnlyNotosPlainFontsServeTheAlphabets) {
    for (const char* plain : {"NotoSans-Regular.ttf", "NotoSerif-Bold.ttf", "NotoSansMono-Bold.ttf",
                              "NotoSerifDisplay-Italic.ttf", "NotoMono-Regular.ttf", "DejaVuSans.ttf"})
        EXPECT_FALSE(is_noto_extra(plain)) << plain;
    for (const char* extra :
         {"NotoSansAdlam-Bold.ttf", "NotoNaskhArabic-Bold.ttf", "NotoSansSymbols2-Regular.ttf"})
        EXPECT_TRUE(is_noto_extra(extra)) << extra;
}

TEST(Families, LettersAreNeitherMarksNorDigitsNorLatin) {
    EXPECT_TRUE(is_letter(U'Ա'));
    EXPECT_TRUE(is_letter(U'ก'));
    EXPECT_FALSE(is_letter(U'A'));
    EXPECT_FALSE(is_letter(U'१'));      // a digit
    EXPECT_FALSE(is_letter(0x093e));    // a vowel sign
    EXPECT_FALSE(is_letter(0x1e00));    // Latin with a ring below
    EXPECT_FALSE(is_letter(0x10ffff));  // nothing
}

}  // namespace
}  // namespace vtvc
