// The kernel's own functions, run thread by thread on the host, against the reference. Every result must
// agree bit for bit: both sum over k in order with fused multiply-adds.
#include "vtvc/composition/compose.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "compose_chunks.hpp"
#include "compose_problem.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using compose_chunks::Chunk;
using compose_chunks::chunk_at;
using compose_chunks::chunk_width;
using compose_chunks::chunks_of;
using compose_chunks::compose_chunk;
using compose_chunks::lanes;
using compose_chunks::load_chunk;
using compose_chunks::shared_floats;
using compose_chunks::threads;

/// A launch of the kernel, its barrier between the two loops over threads.
void compose_as_device(const ComposeArguments& arguments, std::span<const Tile> tiles) {
    const std::int64_t width = chunk_width(arguments.tasks);
    std::vector<float> shared(static_cast<std::size_t>((arguments.tasks + 1) * width));
    std::int64_t out = 0;
    for (const Tile& tile : tiles) {
        for (std::int64_t index = 0; index < chunks_of(tile.count, width); ++index) {
            const Chunk chunk = chunk_at(tile, out, index, width);
            for (int thread = 0; thread < threads; ++thread) {
                load_chunk(arguments, chunk, width, thread, shared.data());
            }
            for (int thread = 0; thread < threads; ++thread) {
                compose_chunk(arguments, chunk, width, thread, shared.data());
            }
        }
        out += arguments.samples * tile.count;
    }
}

TEST(Compose, ReferenceIsTheSumOfTheBaseAndTheWeightedTaskVectors) {
    Problem problem(2, 2, 3);
    problem.base = {1, 2, 3};
    problem.tau = {10, 20, 30, 100, 200, 300};
    problem.z = {0.5F, 0, -1, 2};
    const std::vector<Tile> tiles = {{0, 1}, {1, 2}};
    EXPECT_EQ(problem.run(compose_reference, tiles), (std::vector<float>{6, 191, 12, 18, 382, 573}));
}

TEST(Compose, KernelOnTheHostAgreesWithTheReferenceBitForBit) {
    // Samples that fill and do not fill groups and rounds of warps, chunks that end inside a tile, empty
    // tiles.
    for (const std::int64_t samples : {1, 3, 4, 33, 70}) {
        for (const std::int64_t tasks : {0, 1, 8, 50}) {
            const Problem problem(samples, tasks, 1500);
            for (const std::vector<Tile>& tiles :
                 {std::vector<Tile>{{0, 1500}}, std::vector<Tile>{{7, 1}, {100, 0}, {100, 513}, {1499, 1}},
                  std::vector<Tile>{}}) {
                EXPECT_EQ(problem.run(compose_as_device, tiles), problem.run(compose_reference, tiles))
                    << samples << " samples, " << tasks << " tasks, " << tiles.size() << " tiles";
            }
        }
    }
}

TEST(Compose, AnExcludedTaskVectorIsNeverTouched) {
    Problem problem(5, 2, 40);
    for (std::size_t i = 0; i < 40; ++i) problem.tau[i] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t b = 0; b < 5; ++b) problem.z[2 * b] = 0.0F;
    const std::vector<Tile> tiles = {{0, 40}};
    const std::vector<float> device = problem.run(compose_as_device, tiles);
    EXPECT_EQ(device, problem.run(compose_reference, tiles));
    for (const float value : device) EXPECT_TRUE(std::isfinite(value));
}

TEST(Compose, ChunksCoverATileOnceAndFitIntoSharedMemory) {
    for (std::int64_t tasks = 0; tasks <= most_compose_tasks; ++tasks) {
        const std::int64_t width = chunk_width(tasks);
        EXPECT_EQ(width % lanes, 0);
        EXPECT_GE(width, lanes);
        EXPECT_LE((tasks + 1) * width, shared_floats);
    }
    const Tile tile{100, 1000};
    const std::int64_t width = chunk_width(8);
    std::int64_t next = tile.first;
    for (std::int64_t index = 0; index < chunks_of(tile.count, width); ++index) {
        const Chunk chunk = chunk_at(tile, 5000, index, width);
        EXPECT_EQ(chunk.first, next);
        EXPECT_EQ(chunk.out, 5000 + next - tile.first);
        EXPECT_EQ(chunk.out_stride, tile.count);
        next += chunk.count;
    }
    EXPECT_EQ(next, tile.first + tile.count);
}

TEST(Compose, RefusesTilesOutsideTheBlockAndTooManyTasks) {
    const Problem problem(1, 1, 10);
    EXPECT_THROW(problem.run(compose_reference, std::vector<Tile>{{5, 6}}), NumericError);
    EXPECT_THROW(problem.run(compose_reference, std::vector<Tile>{{-1, 2}}), NumericError);
    ComposeArguments many;
    many.tasks = most_compose_tasks + 1;
    EXPECT_THROW(compose_reference(many, {}), NumericError);
}

}  // namespace
}  // namespace vtvc
