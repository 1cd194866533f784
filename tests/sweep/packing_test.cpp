// Packing, as properties: over many random machines and queues, no core is given twice, nothing that fits is
// left waiting, and every run has its turn.
#include "vtvc/sweep/packing.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace vtvc::sweep {
namespace {

struct World {
    explicit World(unsigned seed) : chance(seed) {
        for (int i = 0, count = 1 + pick(16); i < count; ++i) machine.cores.push_back(3 * i);
        for (int i = 0, count = pick(4); i < count; ++i) machine.gpus.push_back(i);
        machine.memory_mb = 100 + pick(900);
    }
    int pick(int below) { return static_cast<int>(chance() % static_cast<unsigned>(below)); }
    Shape shape() {
        Shape made;
        made.cpus = 1 + pick(static_cast<int>(machine.cores.size()));
        made.gpus = machine.gpus.empty() ? 0 : pick(static_cast<int>(machine.gpus.size()) + 1);
        made.memory_mb = pick(static_cast<int>(machine.memory_mb) + 1);
        return made;
    }
    std::mt19937 chance;
    Machine machine;
};

void check_world(unsigned seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    constexpr int patience = 8;
    Packing packing(world.machine, patience);
    std::map<std::size_t, Shape> waiting;
    std::map<std::size_t, Placement> running;
    std::map<Shape, int> passed_over;
    std::vector<Shape> shapes;
    for (int i = 0; i < 6; ++i) shapes.push_back(world.shape());
    std::size_t next = 0, ended = 0;
    const std::size_t all = 400;
    while (ended < all) {
        for (int i = world.pick(4); i > 0 && next < all; --i) {
            waiting[next] = shapes[static_cast<std::size_t>(world.pick(6))];
            packing.add(next, waiting[next], world.pick(100));
            ++next;
        }
        while (const auto placed = packing.next()) {
            ASSERT_TRUE(waiting.contains(placed->run));
            ASSERT_EQ(placed->shape, waiting[placed->run]);
            waiting.erase(placed->run);
            std::set<Shape> left;
            for (const auto& [run, shape] : waiting) left.insert(shape);
            for (const Shape& shape : left)
                passed_over[shape] = shape == placed->shape ? 0 : passed_over[shape] + 1;
            passed_over[placed->shape] = 0;
            // A shape waits for at most its patience, and once more for each of the others that are as
            // patient.
            for (const Shape& shape : left) ASSERT_LE(passed_over[shape], patience + 6);
            running[placed->run] = *placed;
        }
        std::multiset<int> cores, gpus;
        double memory = 0;
        for (const auto& [run, placed] : running) {
            ASSERT_EQ(placed.cores.size(), static_cast<std::size_t>(placed.shape.cpus));
            ASSERT_EQ(placed.gpus.size(), static_cast<std::size_t>(placed.shape.gpus));
            cores.insert(placed.cores.begin(), placed.cores.end());
            gpus.insert(placed.gpus.begin(), placed.gpus.end());
            memory += placed.shape.memory_mb;
        }
        for (const int core : cores) ASSERT_EQ(cores.count(core), 1u);
        for (const int gpu : gpus) ASSERT_EQ(gpus.count(gpu), 1u);
        ASSERT_LE(memory, world.machine.memory_mb);
        ASSERT_LE(cores.size(), world.machine.cores.size());
        if (const auto kept = packing.reserved()) {
            ASSERT_GE(passed_over[*kept], patience) << "the machine is kept for one that has not waited";
            ASSERT_FALSE(running.empty()) << "kept for one that could start";
        } else {
            for (const auto& [run, shape] : waiting)
                ASSERT_FALSE(packing.fits(shape)) << "idle while one fits";
        }
        if (!running.empty()) {
            auto one = running.begin();
            std::advance(one, world.pick(static_cast<int>(running.size())));
            packing.release(one->second);
            running.erase(one);
            ++ended;
        }
    }
    EXPECT_TRUE(waiting.empty());
    EXPECT_EQ(packing.free_cores(), world.machine.cores.size());
}

TEST(Packing, NeverOversubscribesNeverIdlesNeverStarves) {
    for (unsigned seed = 1; seed <= 200 && !HasFatalFailure(); ++seed) check_world(seed);
}

TEST(Packing, StartsTheLongestFirst) {
    Packing packing({{0, 1}, {}, 0});
    packing.add(0, {1, 0, 0}, 3);
    packing.add(1, {1, 0, 0}, 30);
    packing.add(2, {2, 0, 0}, 10);
    EXPECT_EQ(packing.next()->run, 1u);
    EXPECT_EQ(packing.next()->run, 0u) << "the wide one does not fit beside it";
    EXPECT_FALSE(packing.next());
}

TEST(Packing, RunsThatCannotEverFitAreKnown) {
    const Packing packing({{0, 1}, {}, 100});
    EXPECT_TRUE(packing.possible({2, 0, 100}));
    EXPECT_FALSE(packing.possible({3, 0, 0}));
    EXPECT_FALSE(packing.possible({1, 1, 0}));
    EXPECT_FALSE(packing.possible({1, 0, 101}));
}

TEST(Packing, WhatIsTakenOutIsNotStarted) {
    Packing packing({{0}, {}, 0});
    packing.add(4, {1, 0, 0}, 1);
    EXPECT_TRUE(packing.remove(4));
    EXPECT_FALSE(packing.remove(4));
    EXPECT_FALSE(packing.next());
}

}  // namespace
}  // namespace vtvc::sweep
