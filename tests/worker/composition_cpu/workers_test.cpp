#include "vtvc/composition/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

namespace vtvc {
namespace {

TEST(Workers, TakeEachItemOnce) {
    for (const int threads : {1, 2, 4}) {
        Workers workers(threads);
        for (const std::int64_t items : {0, 1, 2, 3, 100}) {
            for (int round = 0; round < 50; ++round) {
                std::vector<std::atomic<int>> taken(static_cast<std::size_t>(items));
                workers.run(items, [&](std::int64_t item, int worker) {
                    EXPECT_LT(worker, threads);
                    ++taken[static_cast<std::size_t>(item)];
                });
                for (const auto& count : taken) EXPECT_EQ(count, 1);
            }
        }
    }
}

TEST(Workers, SleepBetweenTwoPiecesOfWork) {
    Workers workers(3);
    workers.run(100, [](std::int64_t, int) {});
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    // Two threads that spin would have used 200 ms.
    EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 50);
}

}  // namespace
}  // namespace vtvc
