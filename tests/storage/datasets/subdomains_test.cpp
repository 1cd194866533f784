#include "vtvc/datasets/subdomains.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <numeric>

#include "vtvc/core/error.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using Image = std::vector<std::uint8_t>;

Image transformed(Subdomain how, Image image, const ImageShape& shape) {
    Stream noise(0, Purpose::subdomain);
    transform(how, image, shape, noise);
    return image;
}

constexpr ImageShape square{.height = 2, .width = 2};
const Image corners{1, 2,  //
                    3, 4};

TEST(Subdomains, TurnsAndMirrorsOfAHandMadeImage) {
    EXPECT_EQ(transformed(Subdomain::clean, corners, square), corners);
    EXPECT_EQ(transformed(Subdomain::rotated90, corners, square), (Image{2, 4, 1, 3}));
    EXPECT_EQ(transformed(Subdomain::rotated180, corners, square), (Image{4, 3, 2, 1}));
    EXPECT_EQ(transformed(Subdomain::mirrored, corners, square), (Image{2, 1, 4, 3}));
}

TEST(Subdomains, ColoursOfAPixelStayTogether) {
    const ImageShape shape{.height = 1, .width = 2, .channels = 3};
    EXPECT_EQ(transformed(Subdomain::mirrored, {1, 2, 3, 4, 5, 6}, shape), (Image{4, 5, 6, 1, 2, 3}));
}

TEST(Subdomains, FourQuarterTurnsTwoHalfTurnsAndTwoMirrorsAreIdentities) {
    Image image(25);
    std::iota(image.begin(), image.end(), std::uint8_t{0});
    const ImageShape shape{.height = 5, .width = 5};
    const auto repeat = [&](Subdomain how, int times) {
        Image turned = image;
        for (int i = 0; i < times; ++i) turned = transformed(how, turned, shape);
        return turned;
    };
    EXPECT_EQ(repeat(Subdomain::rotated90, 4), image);
    EXPECT_EQ(repeat(Subdomain::rotated90, 2), repeat(Subdomain::rotated180, 1));
    EXPECT_EQ(repeat(Subdomain::rotated180, 2), image);
    EXPECT_EQ(repeat(Subdomain::mirrored, 2), image);
    EXPECT_NE(repeat(Subdomain::rotated90, 1), image);
}

TEST(Subdomains, BlurKeepsBlockCentresAndFlatImages) {
    const ImageShape shape{.height = 8, .width = 12};
    EXPECT_EQ(transformed(Subdomain::blurred, Image(96, 77), shape), Image(96, 77));
    Image halves(96);
    for (std::size_t i = 0; i < 96; ++i) halves[i] = i % 12 < 4 ? 200 : 0;
    const Image blurred = transformed(Subdomain::blurred, halves, shape);
    EXPECT_EQ(blurred[0], 200);
    EXPECT_EQ(blurred[3], 125);  // .375 of the way from one block's centre to the next
    EXPECT_EQ(blurred[4], 75);
    EXPECT_EQ(blurred[11], 0);
}

TEST(Subdomains, InversionHalvesContrastUnderNoise) {
    const ImageShape shape{.height = 100, .width = 100};
    const Image image = transformed(Subdomain::inverted, Image(10000, 127), shape);
    double sum = 0, squares = 0;
    for (const double pixel : image) {
        sum += pixel;
        squares += pixel * pixel;
    }
    const double mean = sum / 1e4;
    EXPECT_NEAR(mean, 127.75, 1.6);  // four standard errors
    EXPECT_NEAR(std::sqrt(squares / 1e4 - mean * mean), 40, 1.2);
    const Image dark = transformed(Subdomain::inverted, Image(10000, 255), shape);
    EXPECT_LT(std::accumulate(dark.begin(), dark.end(), 0.) / 1e4, 80);
}

TEST(Subdomains, QuarterTurnsOfOblongImagesAreRefused) {
    EXPECT_THROW(transformed(Subdomain::rotated90, Image(6), {.height = 2, .width = 3}), ConfigError);
}

TEST(Subdomains, UnknownNamesAreRefusedWithTheList) {
    EXPECT_EQ(subdomain_from("blurred"), Subdomain::blurred);
    try {
        subdomain_from("sepia");
        FAIL() << "no error";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("rotated90"), std::string::npos);
    }
}

class SubdomainFiles : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("vtvc_subdomains_" + std::to_string(getpid()));
        fs::create_directories(folder_);
        DatasetContents contents;
        contents.name = "toy";
        contents.height = 2;
        contents.width = 2;
        contents.class_names = {"a", "b"};
        contents.origin = "here";
        std::int64_t id = 0;
        for (SplitData* split : {&contents.train, &contents.validation, &contents.test})
            for (int row = 0; row < 60; ++row) {
                split->images.insert(split->images.end(), corners.begin(), corners.end());
                split->labels.push_back(row % 3 == 0);
                split->ids.push_back(id++);
                split->groups.push_back(-1);
                split->subdomains.push_back(-1);
            }
        write_dataset(in_, contents);
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path folder_ = fs::temp_directory_path() / ("vtvc_subdomains_" + std::to_string(getpid()));
    fs::path in_ = folder_ / "in.h5", out_ = folder_ / "out.h5";
};

TEST_F(SubdomainFiles, MixDrawsByRowAndKeepsLabelsAlsoSealedOnes) {
    const SubdomainMix mix{.in = in_, .subdomains = {Subdomain::clean, Subdomain::mirrored}, .name = "mixed"};
    const DatasetContents shown = write_subdomains(mix, out_);
    EXPECT_TRUE(shown.test.labels.empty());
    const Dataset source = Dataset::open(in_), mixed = Dataset::open(out_);
    EXPECT_EQ(mixed.name(), "mixed");
    EXPECT_EQ(mixed.subdomain_names(), (std::vector<std::string>{"clean", "mirrored"}));
    EXPECT_EQ(read_test_labels(out_), read_test_labels(in_));
    for (const Split split : {Split::train, Split::validation, Split::test}) {
        const SplitData before = source.read(split), after = mixed.read(split);
        EXPECT_EQ(after.labels, before.labels);
        EXPECT_EQ(after.ids, before.ids);
        std::map<int, int> count;
        for (std::size_t row = 0; row < after.ids.size(); ++row) {
            ++count[after.subdomains[row]];
            EXPECT_EQ(after.images[row * 4], after.subdomains[row] == 0 ? 1 : 2);
        }
        EXPECT_GT(count[0], 15);
        EXPECT_GT(count[1], 15);
    }
}

TEST_F(SubdomainFiles, OneSubdomainTakesEveryRow) {
    write_subdomains({.in = in_, .subdomains = {Subdomain::rotated180}}, out_);
    const Dataset turned = Dataset::open(out_);
    EXPECT_EQ(turned.name(), "toy");
    const SplitData rows = turned.read(Split::test);
    for (std::size_t row = 0; row < rows.ids.size(); ++row) {
        EXPECT_EQ(rows.images[row * 4], 4);
        EXPECT_EQ(rows.subdomains[row], 0);
    }
}

TEST_F(SubdomainFiles, EmptyAndRepeatedListsAreRefused) {
    EXPECT_THROW(write_subdomains({.in = in_, .subdomains = {}}, out_), ConfigError);
    EXPECT_THROW(write_subdomains({.in = in_, .subdomains = {Subdomain::clean, Subdomain::clean}}, out_),
                 ConfigError);
    EXPECT_FALSE(fs::exists(out_));
}

}  // namespace
}  // namespace vtvc
