// Every collective against its closed form, at several numbers of ranks: run under mpirun.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include "mpi.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace vtvc {
namespace {

Communicator* all = nullptr;

/// Lengths around nothing, around the number of ranks, and on both sides of Open MPI's changes of algorithm.
constexpr std::array<std::size_t, 8> lengths{0, 1, 2, 3, 5, 1000, 4099, 300'007};

template <class T>
class AllReduce : public testing::Test {};
using Numbers = testing::Types<float, double, std::int64_t>;
TYPED_TEST_SUITE(AllReduce, Numbers);

/// Small whole numbers: their sums are exact in every type and order.
template <class T>
std::vector<T> of_rank(std::size_t length, int rank) {
    std::vector<T> values(length);
    for (std::size_t i = 0; i < length; ++i)
        values[i] = static_cast<T>(static_cast<int>(i % 11) - 5 + (rank + 1) * 3);
    return values;
}

TYPED_TEST(AllReduce, GivesSumMaximumAndMinimumToEveryRank) {
    const int size = all->size();
    for (const auto length : lengths) {
        const auto first = of_rank<TypeParam>(length, 0), last = of_rank<TypeParam>(length, size - 1);
        auto sum = of_rank<TypeParam>(length, all->rank()), most = sum, least = sum;
        all->all_reduce(std::span(sum));
        all->all_reduce(std::span(most), Reduce::max);
        all->all_reduce(std::span(least), Reduce::min);
        for (std::size_t i = 0; i < length; ++i) {
            // Values rise with the rank by equal steps, so the sum is their mean times the number of ranks.
            ASSERT_EQ(sum[i], (first[i] + last[i]) * static_cast<TypeParam>(size) / 2) << length << " " << i;
        }
        EXPECT_EQ(most, last);
        EXPECT_EQ(least, first);
    }
}

/// Numbers whose sum depends on the order: of sizes from 1e-4 to 1e4 and both signs.
std::vector<float> unruly(std::size_t length, int rank) {
    std::vector<float> values(length);
    auto state = 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(rank + 1);
    for (auto& value : values) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const auto mantissa = static_cast<float>(static_cast<std::int32_t>(state >> 32)) / 2147483648.F;
        value = mantissa * std::pow(10.F, static_cast<float>(static_cast<int>(state >> 11 & 7) - 4));
    }
    return values;
}

TEST(Sum, HasTheSameBitsOnEveryRankAndEveryTimeWhoeverComesLate) {
    for (const auto length : lengths) {
        std::vector<std::byte> reference;
        for (int round = 0; round < 6; ++round) {
            auto values = unruly(length, all->rank());
            if (round % all->size() == all->rank()) std::this_thread::sleep_for(std::chrono::milliseconds(3));
            all->all_reduce(std::span(values));
            const auto bytes = std::as_bytes(std::span(values));
            for (const auto& other : all->all_gather(bytes))
                ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), other.begin(), other.end())) << length;
            if (round == 0) reference.assign(bytes.begin(), bytes.end());
            ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), reference.begin(), reference.end())) << length;
        }
    }
}

TEST(Broadcast, CarriesTheBytesOfAnyRoot) {
    for (const auto length : lengths) {
        for (int root = 0; root < all->size(); ++root) {
            const auto expected = std::vector<std::byte>(length, static_cast<std::byte>(root + 1));
            auto bytes = all->rank() == root ? expected : std::vector<std::byte>(length);
            all->broadcast(bytes, root);
            EXPECT_EQ(bytes, expected);
        }
    }
}

TEST(Broadcast, ReportsARootOutsideTheWorldWithTheCallsName) {
    std::array<std::byte, 1> byte{};
    try {
        all->broadcast(byte, all->size());
        FAIL() << "no exception";
    } catch (const MpiError& error) {
        EXPECT_NE(std::string(error.what()).find("MPI_ERR_ROOT"), std::string::npos) << error.what();
    }
}

TEST(AllGather, KeepsEveryRanksBytesApartWhateverTheirLengths) {
    for (const auto unit : lengths) {
        for (const int empty : {-1, 0, all->size() - 1}) {
            const auto length_of = [&](int rank) {
                return rank == empty ? 0 : unit * static_cast<std::size_t>(all->size() - rank);
            };
            const std::vector<std::byte> mine(length_of(all->rank()),
                                              static_cast<std::byte>(all->rank() + 1));
            const auto gathered = all->all_gather(mine);
            ASSERT_EQ(gathered.size(), static_cast<std::size_t>(all->size()));
            for (int r = 0; r < all->size(); ++r)
                EXPECT_EQ(gathered[static_cast<std::size_t>(r)],
                          std::vector<std::byte>(length_of(r), static_cast<std::byte>(r + 1)));
        }
    }
}

TEST(Barrier, HoldsEveryRankUntilTheLastHasCome) {
    all->barrier();
    const auto begin = std::chrono::steady_clock::now();
    if (all->rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    all->barrier();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(40));
}

TEST(Recording, CountsTheSameCallsOnEveryRank) {
    std::vector<Recorded> log;
    const auto recording = make_recording(*all, log);
    std::array<float, 4> values{1, 2, 3, 4};
    recording->all_reduce(values);
    recording->barrier();
    EXPECT_EQ(values[3], 4.F * static_cast<float>(all->size()));
    ASSERT_EQ(log.size(), 2U);
    EXPECT_EQ(log[0].bytes, 16U);
    EXPECT_EQ(recording->rank(), all->rank());
}

TEST(CheckMpi, NamesTheCallTheReasonAndThePlace) {
    EXPECT_NO_THROW(check_mpi(MPI_SUCCESS, "MPI_Barrier(c)", "a/mpi.cpp", 7));
    try {
        check_mpi(MPI_ERR_COMM, "MPI_Barrier(c)", "a/mpi.cpp", 7);
        FAIL() << "no exception";
    } catch (const MpiError& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("MPI_Barrier(c): MPI_ERR_COMM"), std::string::npos) << text;
        EXPECT_NE(text.find("at mpi.cpp:7"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace vtvc

int main(int argc, char** argv) {
    vtvc::World world(argc, argv);
    vtvc::all = &world.all();
    testing::InitGoogleTest(&argc, argv);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    if (vtvc::all->rank() != 0) delete listeners.Release(listeners.default_result_printer());
    std::array<std::int64_t, 1> failed{RUN_ALL_TESTS()};
    if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) failed[0] = 1;
    if (failed[0] != 0) fmt::print(stderr, "rank {} of {} failed\n", vtvc::all->rank(), vtvc::all->size());
    vtvc::all->all_reduce(failed, vtvc::Reduce::max);  // mpirun wants one code from all
    return static_cast<int>(failed[0]);
}
