// What needs no other rank: shares, the world of one, the recording stand-in, cutting into pieces.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "mpi.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/sharding/communicator.hpp"
#include "vtvc/sharding/device_communicator.hpp"

namespace vtvc {
namespace {

TEST(ShareOf, TilesTheRangeInOrderWithSizesThatDifferByAtMostOne) {
    for (const std::int64_t total : {0LL, 1LL, 2LL, 7LL, 64LL, 1'000'003LL, 1LL << 40}) {
        for (int size = 1; size <= 9; ++size) {
            std::int64_t next = 0;
            for (int rank = 0; rank < size; ++rank) {
                const auto share = share_of(total, rank, size);
                EXPECT_EQ(share.first, next);
                EXPECT_GE(share.count, total / size);
                EXPECT_LE(share.count, total / size + 1);
                next = share.first + share.count;
            }
            EXPECT_EQ(next, total);
        }
    }
}

TEST(ShareOf, RefusesRanksOutsideTheWorldAndNegativeTotals) {
    EXPECT_THROW(share_of(3, 2, 2), Error);
    EXPECT_THROW(share_of(3, -1, 2), Error);
    EXPECT_THROW(share_of(3, 0, 0), Error);
    EXPECT_THROW(share_of(-1, 0, 1), Error);
}

TEST(Self, LeavesReducedValuesAsTheyAre) {
    const auto self = make_self();
    std::array<float, 2> values{1.5F, -2};
    self->all_reduce(values);
    EXPECT_EQ(values, (std::array<float, 2>{1.5F, -2}));
    EXPECT_EQ(self->rank(), 0);
    EXPECT_EQ(self->size(), 1);
}

TEST(Self, GathersOnlyItsOwnBytes) {
    const std::array<std::byte, 2> mine{std::byte{1}, std::byte{2}};
    const auto all = make_self()->all_gather(mine);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_TRUE(std::equal(all[0].begin(), all[0].end(), mine.begin(), mine.end()));
    EXPECT_EQ(make_self()->all_gather({}), std::vector<std::vector<std::byte>>(1));
}

TEST(Self, RefusesAnotherRootThanItself) {
    std::array<std::byte, 1> byte{};
    EXPECT_THROW(make_self()->broadcast(byte, 1), MpiError);
}

TEST(Recording, WritesDownEveryCallWithItsBytesInOrder) {
    const auto self = make_self();
    std::vector<Recorded> log;
    const auto recording = make_recording(*self, log);
    std::array<float, 3> floats{};
    std::array<double, 3> doubles{};
    std::array<std::int64_t, 1> counts{};
    std::array<std::byte, 5> bytes{};
    recording->all_reduce(floats);
    recording->all_reduce(doubles, Reduce::max);
    recording->all_reduce(counts, Reduce::min);
    recording->broadcast(bytes, 0);
    EXPECT_EQ(recording->all_gather(bytes).at(0).size(), 5U);
    recording->barrier();
    std::string seen;
    for (const auto& call : log) seen += fmt::format("{} {}; ", call.operation, call.bytes);
    EXPECT_EQ(seen, "all_reduce 12; all_reduce 24; all_reduce 8; broadcast 5; all_gather 5; barrier 0; ");
}

TEST(Recording, DoesNotWriteDownACallThatFailed) {
    const auto self = make_self();
    std::vector<Recorded> log;
    std::array<std::byte, 1> byte{};
    EXPECT_THROW(make_recording(*self, log)->broadcast(byte, 3), MpiError);
    EXPECT_TRUE(log.empty());
}

TEST(InPieces, CoverAllWithoutGapAndStayWithinTheLimit) {
    for (const std::size_t total : {0U, 1U, 9U, 10U, 11U, 30U}) {
        std::size_t next = 0;
        in_pieces(total, 10, [&](std::size_t first, std::size_t count) {
            EXPECT_EQ(first, next);
            EXPECT_GE(count, 1U);
            EXPECT_LE(count, 10U);
            next = first + count;
        });
        EXPECT_EQ(next, total);
    }
}

TEST(Nccl, SaysClearlyThatThisBuildHasNone) {
    if (has_nccl()) GTEST_SKIP() << "this build has NCCL, and using it needs a device";
    const auto self = make_self();
    EXPECT_THROW(make_nccl(*self, 0), NcclError);
}

/// For death tests: their statement runs in a child of this process.
void set_environment(std::initializer_list<std::pair<const char*, const char*>> values) {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS",
                             "SLURM_NTASKS", "VTVC_CAUSE_DIR"})
        ::unsetenv(name);
    for (const auto& [name, value] : values) ::setenv(name, value, 1);
}

/// noexcept: what World throws meets std::terminate, as in a main that catches nothing.
[[noreturn]] void run_alone(int (*body)(Communicator&, int, char**)) noexcept {
    int argc = 0;
    char** argv = nullptr;
    World world(argc, argv);
    std::exit(run_rank(world, body, argc, argv));
}

using Code = testing::ExitedWithCode;

TEST(WorldDeathTest, IsAWorldOfOneWithoutMpirun) {
    EXPECT_EXIT(
        {
            set_environment({});
            run_alone([](Communicator& ranks, int, char**) { return 10 + ranks.size(); });
        },
        Code(11), "");
}

TEST(WorldDeathTest, RefusesTasksOfSrunThatCannotSeeEachOther) {
    EXPECT_EXIT(
        {
            set_environment({{"SLURM_STEP_ID", "0"}, {"SLURM_NTASKS", "4"}});
            run_alone([](Communicator&, int, char**) { return 0; });
        },
        Code(2), "srun started 4 tasks.*--mpi=pmix");
}

TEST(WorldDeathTest, IsNotDisturbedByABatchScriptOfManyTasks) {
    EXPECT_EXIT(
        {
            set_environment({{"SLURM_NTASKS", "4"}});
            run_alone([](Communicator&, int, char**) { return 0; });
        },
        Code(0), "");
}

TEST(RunRankDeathTest, TurnsAnExceptionIntoOneLineAndItsExitCode) {
    set_environment({});
    EXPECT_EXIT(
        run_alone([](Communicator&, int, char**) -> int { throw std::runtime_error("first\nsecond"); }),
        Code(1), "^rank 0 of 1 on [^ ]+: first; second\n$");
    EXPECT_EXIT(run_alone([](Communicator&, int, char**) -> int { throw ConfigError("a.toml:3:1: no"); }),
                Code(2), "rank 0 of 1 on [^ ]+: a.toml:3:1: no");
    EXPECT_EXIT(run_alone([](Communicator&, int, char**) -> int { throw 7; }), Code(1), "unknown type");
}

TEST(RunRankDeathTest, NamesACrashAndStillDiesOfIt) {
    set_environment({});
    EXPECT_EXIT(run_alone([](Communicator&, int, char**) -> int { std::abort(); }),
                testing::KilledBySignal(SIGABRT), "rank 0 of 1 on [^ ]+: ended by signal 6 \\(aborted\\)");
}

}  // namespace
}  // namespace vtvc
