#include "vtvc/core/background.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

TEST(Background, TheCallerGoesOnMeanwhile) {
    std::promise<void> gate;
    auto opened = gate.get_future();
    bool written = false;  // without a lock: wait() orders it
    Background background;
    background.start([&] {
        opened.wait();
        written = true;
    });
    background.check();  // still at work: neither waits nor throws
    gate.set_value();
    background.wait();
    EXPECT_TRUE(written);
}

TEST(Background, OneAtATime) {
    std::atomic<int> now{0}, most{0}, all{0};
    {
        Background background;
        for (int i = 0; i < 50; ++i)
            background.start([&] {
                most = std::max(most.load(), ++now);
                ++all;
                --now;
            });
    }
    EXPECT_EQ(most, 1);
    EXPECT_EQ(all, 50);
}

TEST(Background, AnErrorSurfacesOnce) {
    Background background;
    const auto fails = [] { fail<StorageError>("the disk is full"); };
    background.start(fails);
    EXPECT_THROW(background.wait(), StorageError);
    EXPECT_NO_THROW(background.wait());

    background.start(fails);
    bool started = false;
    EXPECT_THROW(background.start([&] { started = true; }), StorageError);
    background.wait();
    EXPECT_FALSE(started);

    background.start(fails);
    EXPECT_THROW(
        {
            for (int i = 0; i < 10'000; ++i) {
                background.check();
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        },
        StorageError);
}

}  // namespace
}  // namespace vtvc
