// Task vectors as a bank stores them: against the double-precision reference over what the numbers stand for.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "stored_problem.hpp"

namespace vtvc {
namespace {

using test::Kind;
using test::Problem;
using test::Results;
using test::Size;
using test::StoredProblem;

const std::vector<Kind> kMixed{Kind::int8, Kind::low_rank, Kind::f32, Kind::bf16,
                               Kind::zero, Kind::int8,     Kind::bf16};

class EveryStorage : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override { use_engine_isa(GetParam()); }
    void TearDown() override { use_engine_isa(""); }

    Engine engine_{1};

    void expect_reference(const StoredProblem& s) { test::expect_reference(s.problem, s.run(engine_)); }
};

TEST_P(EveryStorage, OfOneKindAgreesWithTheReference) {
    for (const Kind kind : {Kind::zero, Kind::f32, Kind::bf16, Kind::int8, Kind::low_rank})
        for (const bool rows_are_outputs : {true, false})
            for (const std::int64_t tokens : {1, 7, 26})
                expect_reference(StoredProblem({3, tokens, 37, 21, 0, .7}, {4, kind}, rows_are_outputs));
}

TEST_P(EveryStorage, MixedAgreesWithTheReferenceForAnyShape) {
    for (const std::int64_t inputs : {1, 16, 25, 130})
        for (const std::int64_t outputs : {1, 15, 16, 33})
            for (const bool rows_are_outputs : {true, false})
                expect_reference(StoredProblem({2, 12, inputs, outputs, 0}, kMixed, rows_are_outputs));
    // Several stretches of inputs; many task vectors.
    expect_reference(StoredProblem({2, 26, 1000, 20, 0}, kMixed));
    expect_reference(StoredProblem({3, 5, 40, 20, 0, .3}, std::vector<Kind>(100, Kind::int8)));
    for (const double active : {0., .1, .5})
        expect_reference(StoredProblem({9, 11, 40, 36, 0, active}, kMixed));
}

TEST_P(EveryStorage, RoundedNumbersHaveTheBitsOfTheirFloats) {
    for (const bool rows_are_outputs : {true, false}) {
        const StoredProblem s({5, 27, 90, 45, 0, .8},
                              {Kind::int8, Kind::f32, Kind::bf16, Kind::int8, Kind::bf16}, rows_are_outputs);
        EXPECT_EQ(s.run(engine_), test::run(engine_, s.problem));
    }
}

TEST_P(EveryStorage, NeverReadsATaskThatIsSwitchedOff) {
    StoredProblem s({6, 14, 20, 18, 0}, {Kind::f32, Kind::low_rank, Kind::int8, Kind::f32});
    for (std::size_t b = 0; b < 6; ++b) s.problem.z[b * 4] = s.problem.z[b * 4 + 1] = 0;
    const Results expected = s.run(engine_, Wanted::active);
    constexpr float unset = std::numeric_limits<float>::quiet_NaN();
    std::fill(s.floats[0].begin(), s.floats[0].end(), unset);
    for (auto& part : s.factors[1]) std::fill(part.left.begin(), part.left.end(), unset);
    EXPECT_EQ(s.run(engine_, Wanted::active), expected);
}

TEST_P(EveryStorage, NeitherThreadsNorTheBatchChangeABit) {
    const StoredProblem s({8, 30, 130, 90, 0, .5}, kMixed);
    const Results one = s.run(engine_);
    for (const int threads : {2, 3}) {
        Engine more(threads);
        EXPECT_EQ(s.run(more), one);
    }
    for (const std::int64_t b : {0, 5}) {
        StoredProblem alone = s;
        Problem& p = alone.problem;
        p.size.samples = 1;
        const auto keep = [b](std::vector<float>& values, std::int64_t each) {
            values = std::vector<float>(values.begin() + b * each, values.begin() + (b + 1) * each);
        };
        keep(p.x, 30 * 130);
        keep(p.dy, 30 * 90);
        keep(p.bias, 90);
        keep(p.z, static_cast<std::int64_t>(kMixed.size()));
        Results own = one;
        keep(own.y, 30 * 90);
        keep(own.dx, 30 * 130);
        keep(own.dz, static_cast<std::int64_t>(kMixed.size()));
        EXPECT_EQ(alone.run(engine_), own) << b;
    }
}

TEST_P(EveryStorage, OfNothingIsNothing) {
    for (const Size& size : {Size{0, 5, 6, 8, 0}, Size{2, 0, 6, 8, 0}})
        expect_reference(StoredProblem(size, {Kind::low_rank, Kind::int8, Kind::bf16}));
    expect_reference(StoredProblem({2, 5, 6, 8, 0}, {}));
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryStorage, testing::ValuesIn(engine_isas()),
                         [](const auto& isa) { return isa.param; });

TEST(PackedBank, KeepsStoredNumbersSmall) {
    const auto bytes = [](Kind kind) {
        const StoredProblem s({1, 1, 64, 96, 0}, std::vector<Kind>(8, kind));
        const PackedBank bank(s.stored());
        EXPECT_EQ(bank.size_bytes(), PackedBank::size_bytes(s.stored()));
        return static_cast<double>(bank.size_bytes());
    };
    const double f32 = bytes(Kind::f32);
    EXPECT_NEAR(bytes(Kind::bf16) / f32, 5. / 9, .02);  // W0 is always floats
    EXPECT_NEAR(bytes(Kind::int8) / f32, 3. / 9, .03);
    EXPECT_NEAR(bytes(Kind::zero) / f32, 1. / 9, .01);
}

}  // namespace
}  // namespace vtvc
