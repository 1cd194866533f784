#include "vtvc/core/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace vtvc {
namespace {

TEST(Philox, GivesThePublishedKnownAnswers) {
    using A = std::array<std::uint32_t, 4>;
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (A{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              (A{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (A{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Stream, IsAFunctionOfItsNamesOnly) {
    Stream a(7, Purpose::slab_noise, 123, 5);
    Stream other(7, Purpose::slab_noise, 124, 5);
    other.normal();
    Stream b(7, Purpose::slab_noise, 123, 5);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.normal(), b.normal());
}

TEST(Stream, DiffersInEachOfItsNames) {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed : {0, 1}) {
        for (Purpose purpose : {Purpose::order, Purpose::augment}) {
            for (std::uint64_t sample : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 33}) {
                for (std::uint64_t step : {0, 1}) first.insert(Stream(seed, purpose, sample, step).bits());
            }
        }
    }
    EXPECT_EQ(first.size(), 24u);
}

TEST(Stream, NormalHasUnitMomentsAndUniformStaysInside) {
    Stream stream(1, Purpose::initialise);
    double sum = 0, squares = 0;
    constexpr int n = 200000;
    for (int i = 0; i < n; ++i) {
        const double x = stream.normal();
        sum += x;
        squares += x * x;
        const double u = stream.uniform();
        ASSERT_GT(u, 0.0);
        ASSERT_LT(u, 1.0);
    }
    EXPECT_NEAR(sum / n, 0.0, 4 / std::sqrt(n));  // four standard errors
    EXPECT_NEAR(squares / n, 1.0, 4 * std::sqrt(2.0) / std::sqrt(n));
}

TEST(Stream, BelowIsUniform) {
    Stream stream(3, Purpose::order);
    std::array<int, 7> count{};
    for (int i = 0; i < 70000; ++i) ++count.at(stream.below(7));
    for (int c : count) EXPECT_NEAR(c, 10000, 4 * std::sqrt(10000 * 6.0 / 7.0));
}

}  // namespace
}  // namespace vtvc
