#include "vtvc/core/in_order.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace vtvc {
namespace {

TEST(InOrder, TakesResultsInOrderWhateverTheThreads) {
    for (const int threads : {1, 2, 7}) {
        std::vector<std::int64_t> taken;
        in_order(
            500, threads, 3,
            [](std::int64_t i) {
                if (i % 5 == 0) std::this_thread::yield();
                return i * i;
            },
            [&](std::int64_t i, std::int64_t square) {
                EXPECT_EQ(square, i * i);
                taken.push_back(i);
            });
        ASSERT_EQ(taken.size(), 500U);
        for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], static_cast<std::int64_t>(i));
    }
    in_order(
        0, 2, 4, [](std::int64_t i) { return i; }, [](std::int64_t, std::int64_t) { FAIL(); });
}

TEST(InOrder, HoldsNoMoreThanItsLimit) {
    std::atomic<std::int64_t> made{0}, most{0};
    std::int64_t taken = 0;
    std::atomic<std::int64_t> done{0};
    in_order(
        300, 4, 5,
        [&](std::int64_t i) {
            const std::int64_t waiting = ++made - done;
            std::int64_t seen = most;
            while (waiting > seen && !most.compare_exchange_weak(seen, waiting)) {
            }
            return i;
        },
        [&](std::int64_t, std::int64_t) { done = ++taken; });
    EXPECT_LE(most, 6);  // five places, and the one in the taker's hands
    EXPECT_EQ(taken, 300);
}

TEST(InOrder, WhatIsThrownEndsTheWork) {
    for (const int threads : {1, 4}) {
        std::atomic<int> made{0};
        EXPECT_THROW(in_order(
                         100000, threads, 8,
                         [&](std::int64_t i) {
                             ++made;
                             if (i == 50) throw std::runtime_error("made");
                             return i;
                         },
                         [](std::int64_t, std::int64_t) {}),
                     std::runtime_error);
        EXPECT_LT(made, 1000);
        made = 0;
        EXPECT_THROW(in_order(
                         100000, threads, 8, [&](std::int64_t i) { return ++made, i; },
                         [](std::int64_t i, std::int64_t) {
                             if (i == 50) throw std::logic_error("taken");
                         }),
                     std::logic_error);
        EXPECT_LT(made, 1000);
    }
}

}  // namespace
}  // namespace vtvc
