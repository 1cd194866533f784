#include "vtvc/training/images.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>
#include <set>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

ImageSet small_set(std::int64_t rows = 10) {
    SplitData data;
    for (std::int64_t i = 0; i < rows; ++i) {
        data.ids.push_back(100 + i);
        data.labels.push_back(static_cast<std::int32_t>(i % 3));
        for (int p = 0; p < 16; ++p) data.images.push_back(static_cast<std::uint8_t>(16 * i + p));
    }
    ModelKeys model;
    model.image = 4;
    model.patch = 2;
    return ImageSet("small", 4, 4, 1, std::move(data), model);
}

TEST(Images, AreNormalisedAsTheModelWants) {
    const ImageSet set = small_set();
    const std::vector<std::int64_t> rows{3};
    const at::Tensor image = set.images(rows);
    EXPECT_EQ(image.sizes(), (std::vector<std::int64_t>{1, 1, 4, 4}));
    EXPECT_NEAR(image[0][0][1][2].item<double>(), ((16 * 3 + 6) / 255.0 - .25) / .35, 1e-6);
}

TEST(Images, HaveAMeanAndADeviationForEachChannel) {
    SplitData data;
    data.ids = {0};
    data.labels = {0};
    data.images = {0, 51, 102, 255, 204, 153, 10, 20, 30, 40, 50, 60};
    ModelKeys model;
    model.image = 2;
    model.patch = 1;
    model.channels = 3;
    model.pixel_mean = {.1, .2, .3};
    model.pixel_sd = {.5, .25, .125};
    const ImageSet set("small", 2, 2, 3, std::move(data), model);
    const at::Tensor image = set.images(std::vector<std::int64_t>{0});
    EXPECT_NEAR(image[0][0][0][0].item<double>(), (0 - .1) / .5, 1e-6);
    EXPECT_NEAR(image[0][1][0][0].item<double>(), (51 / 255. - .2) / .25, 1e-6);
    EXPECT_NEAR(image[0][2][0][1].item<double>(), (153 / 255. - .3) / .125, 1e-6);
    EXPECT_NEAR(image[0][1][1][1].item<double>(), (50 / 255. - .2) / .25, 1e-6);
}

TEST(Images, OfAnotherSizeAreRefusedWithBothSizes) {
    ModelKeys model;
    try {
        const ImageSet refused("here.h5", 32, 32, 3, {}, model);
        ADD_FAILURE();
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("32×32×3"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("28×28×1"), std::string::npos);
    }
}

TEST(Images, AugmentationDependsOnSampleAndStepOnly) {
    const ImageSet set = small_set();
    const AugmentKeys how{.shift = 1, .invert = .5, .contrast = .5, .noise = 10};
    const std::vector<std::int64_t> all{0, 1, 2, 3, 4}, some{3};
    const at::Tensor together = set.augmented(all, how, 7, 11), alone = set.augmented(some, how, 7, 11);
    EXPECT_TRUE(torch::equal(together[3], alone[0]));
    EXPECT_FALSE(torch::equal(set.augmented(some, how, 7, 12), alone));
    EXPECT_FALSE(torch::equal(set.augmented(some, how, 8, 11), alone));
}

TEST(Order, EveryEpochIsAPermutationWithAShorterLastBatch) {
    Order order(10, 4, 1);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
        std::multiset<std::int64_t> seen;
        std::vector<std::size_t> sizes;
        for (std::int64_t i = 0; i < 3; ++i) {
            const auto batch = order.batch(3 * epoch + i);
            sizes.push_back(batch.size());
            seen.insert(batch.begin(), batch.end());
        }
        EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 2}));
        EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 10u);
    }
}

TEST(Order, IsAFunctionOfSeedAndStep) {
    Order a(50, 8, 3), b(50, 8, 3), other(50, 8, 4);
    const auto late = a.batch(20);
    const std::vector<std::int64_t> kept(late.begin(), late.end());
    b.batch(3);
    b.batch(40);
    const auto again = b.batch(20);
    EXPECT_EQ(kept, std::vector<std::int64_t>(again.begin(), again.end()));
    const auto different = other.batch(20);
    EXPECT_NE(kept, std::vector<std::int64_t>(different.begin(), different.end()));
}

TEST(Order, OfNothingIsRefused) { EXPECT_THROW(Order(0, 8, 0), StorageError); }

}  // namespace
}  // namespace vtvc
