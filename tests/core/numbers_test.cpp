#include "vtvc/core/numbers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace vtvc {
namespace {

TEST(Numbers, TheFirstValueThatIsNotFiniteIsFoundWhereverItStands) {
    constexpr float inf = std::numeric_limits<float>::infinity();
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (const std::size_t size : {1U, 7U, 1023U, 1024U, 1025U, 5000U}) {
        std::vector<float> values(size, std::numeric_limits<float>::max());
        EXPECT_FALSE(first_not_finite(values)) << size;
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1})
            for (const float bad : {inf, -inf, nan}) {
                auto spoilt = values;
                spoilt[at] = spoilt.back() = bad;
                EXPECT_EQ(first_not_finite(spoilt), at) << size;
            }
    }
    EXPECT_FALSE(first_not_finite({}));
    const std::vector<float> denormal(9, std::numeric_limits<float>::denorm_min());
    EXPECT_FALSE(first_not_finite(denormal));
}

TEST(Numbers, DotProductsAreSummedInDouble) {
    std::vector<float> a, b;
    double exact = 0;
    for (int i = 0; i < 1003; ++i) {
        a.push_back(static_cast<float>(i % 17));
        b.push_back(static_cast<float>(i % 23 - 11));
        exact += static_cast<double>(a.back()) * b.back();
    }
    EXPECT_EQ(dot(a, b), exact);  // whole numbers: no sum of them is rounded
    EXPECT_EQ(dot({}, {}), 0);
}

TEST(Numbers, ProductsOfAllPairsAreThoseOfEachPair) {
    for (const std::size_t size : {0U, 5U, 1024U, 2051U}) {
        std::vector<std::vector<float>> arrays(3, std::vector<float>(size));
        for (std::size_t k = 0; k < arrays.size(); ++k)
            for (std::size_t i = 0; i < size; ++i)
                arrays[k][i] = std::sin(static_cast<float>(i * (k + 1))) / 3;
        const std::vector<std::span<const float>> views(arrays.begin(), arrays.end());
        const auto found = products(views);
        ASSERT_EQ(found.size(), 6U);
        std::size_t at = 0;
        for (std::size_t k = 0; k < arrays.size(); ++k)
            for (std::size_t l = 0; l <= k; ++l) EXPECT_EQ(found[at++], dot(arrays[k], arrays[l])) << size;
    }
    EXPECT_TRUE(products({}).empty());
}

TEST(Numbers, ADifferenceSaysWhereItDoesNotLeadBack) {
    std::vector<float> base(3000), given(3000);
    for (std::size_t i = 0; i < base.size(); ++i) {
        base[i] = static_cast<float>(i % 64) / 64;
        given[i] = base[i] + .25F;  // exact
    }
    base[7] = 1, given[7] = 1e-9F;  // the difference is -1 to rounding, and 1 - 1 is not 1e-9
    base[2999] = -1, given[2999] = 1e-9F;
    auto values = given;
    const auto found = subtract(values, base);
    EXPECT_EQ(values[0], .25F);
    EXPECT_EQ(values[7], -1);
    EXPECT_EQ(found.at, (std::vector<std::size_t>{7, 2999}));
    EXPECT_EQ(found.given, (std::vector<float>{1e-9F, 1e-9F}));
    EXPECT_EQ(found.square, dot(values, values));
}

}  // namespace
}  // namespace vtvc
