#include "vtvc/core/numbers.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vtvc
