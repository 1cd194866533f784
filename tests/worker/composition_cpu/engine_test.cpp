// Every way through the engine against loops in double precision, on every instruction set of the processor;
// then what it promises about bits.
#include "vtvc/composition/engine.hpp"

#include <gtest/gtest.h>

#include "engine_problem.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using test::Problem;
using test::Results;
using test::Size;

class EveryIsa : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override { use_engine_isa(GetParam()); }
    void TearDown() override { use_engine_isa(""); }

    Engine engine_{1};

    void expect_reference(const Problem& p) { test::expect_reference(p, test::run(engine_, p)); }
};

TEST_P(EveryIsa, AgreesWithTheReferenceForAnyNumberOfTokens) {
    for (std::int64_t tokens = 1; tokens <= 60; tokens += tokens < 36 ? 1 : 8)
        expect_reference(Problem({3, tokens, 21, 19, 3, .6}));
}

TEST_P(EveryIsa, AgreesWithTheReferenceForAnyNumberOfTasks) {
    for (const std::int64_t tasks : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 100})
        for (const std::int64_t tokens : {2, 25})
            for (const double active : {1., .3})
                expect_reference(Problem({4, tokens, 27, 18, tasks, active}));
}

TEST_P(EveryIsa, AgreesWithTheReferenceForAnyShapeOfTheBlock) {
    for (const std::int64_t inputs : {1, 2, 7, 16, 23, 24, 25, 48, 130})
        for (const std::int64_t outputs : {1, 5, 15, 16, 17, 33})
            expect_reference(Problem({2, 13, inputs, outputs, 2}));
    // Several stretches of inputs.
    expect_reference(Problem({2, 26, 1000, 20, 2}));
    expect_reference(Problem({2, 5, 300, 20, 100, .2}));
}

TEST_P(EveryIsa, AgreesWithTheReferenceForAnyActiveSet) {
    for (const double active : {0., .05, .25, .5}) expect_reference(Problem({16, 17, 31, 34, 8, active}));
    Problem one({5, 11, 31, 34, 8, 0});
    one.z[2 * 8 + 5] = 1;
    expect_reference(one);
    expect_reference(Problem({1, 50, 64, 64, 8}));
}

TEST_P(EveryIsa, MultipliesActivationsThatAreNotContiguous) {
    const Size size{3, 12, 20, 18, 4};
    Problem p(size);
    const PackedBank bank(p.matrices());
    // [inputs, samples, tokens] with a gap after each row.
    const std::int64_t row = size.tokens + 3;
    std::vector<float> turned(static_cast<std::size_t>(size.inputs * size.samples * row), NAN);
    for (std::int64_t b = 0; b < size.samples; ++b)
        for (std::int64_t t = 0; t < size.tokens; ++t)
            for (std::int64_t i = 0; i < size.inputs; ++i)
                turned[static_cast<std::size_t>((i * size.samples + b) * row + t)] =
                    p.x[static_cast<std::size_t>((b * size.tokens + t) * size.inputs + i)];
    const Activations view{turned.data(), size.samples, size.tokens, size.inputs, row, 1, size.samples * row};
    std::vector<float> z_turned(p.z.size());
    for (std::int64_t b = 0; b < size.samples; ++b)
        for (std::int64_t k = 0; k < size.tasks; ++k)
            z_turned[static_cast<std::size_t>(k * size.samples + b)] =
                p.z[static_cast<std::size_t>(b * size.tasks + k)];
    const Coefficients z{z_turned.data(), 1, size.samples};
    Results expected = test::run(engine_, p);
    std::vector<float> y(expected.y.size()), dz(expected.dz.size());
    engine_.product(bank, view, z, p.own_bias(), y.data());
    engine_.coefficient_gradient(bank, view, p.output_gradient(), z, Wanted::all, dz.data());
    EXPECT_EQ(y, expected.y);
    EXPECT_EQ(dz, expected.dz);
}

TEST_P(EveryIsa, KeepsDenormals) {
    Problem p({2, 12, 20, 18, 2});
    for (float& v : p.stacked) v *= 1e-38F;
    const Results got = test::run(engine_, p);
    // A denormal has few digits: the bound is a unit of theirs for each of some twenty terms.
    const auto expected = product_reference(p.matrices(), p.activations(), p.coefficients(), {});
    std::vector<float> y(got.y.size());
    engine_.product(PackedBank(p.matrices()), p.activations(), p.coefficients(), {}, y.data());
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 100 * 1.4e-45);
    EXPECT_TRUE(std::any_of(y.begin(), y.end(), [](float v) { return v != 0 && std::abs(v) < 1.17e-38F; }));
}

TEST_P(EveryIsa, NeverReadsATaskThatIsSwitchedOff) {
    Problem p({6, 14, 20, 18, 3});
    for (std::size_t b = 0; b < 6; ++b) p.z[b * 3 + 1] = 0;
    const Results expected = test::run(engine_, p, Wanted::active);
    const auto begin = p.stacked.begin() + 2 * 20 * 18;
    std::fill(begin, begin + 20 * 18, std::numeric_limits<float>::quiet_NaN());
    const Results got = test::run(engine_, p, Wanted::active);
    EXPECT_EQ(got, expected);
    for (std::size_t b = 0; b < 6; ++b) EXPECT_EQ(got.dz[b * 3 + 1], 0);
}

TEST_P(EveryIsa, GradientsOfActiveCoefficientsAreThoseOfAll) {
    const Problem p({6, 14, 30, 18, 5, .4});
    const Results all = test::run(engine_, p), active = test::run(engine_, p, Wanted::active);
    for (std::size_t i = 0; i < p.z.size(); ++i) EXPECT_EQ(active.dz[i], p.z[i] == 0 ? 0 : all.dz[i]);
}

TEST_P(EveryIsa, ASampleDoesNotFeelItsBatch) {
    for (const std::int64_t tokens : {1, 3, 9, 12, 26, 50}) {
        Problem p({9, tokens, 70, 40, 6, .4});
        for (std::size_t k = 0; k < 6; ++k) p.z[4 * 6 + k] = p.z[7 * 6 + k] = 0;
        for (std::size_t k = 0; k < 6; ++k) p.z[3 * 6 + k] = p.z[5 * 6 + k];
        const Results all = test::run(engine_, p);
        for (std::int64_t b = 0; b < 9; ++b) {
            Problem alone = p;
            alone.size.samples = 1;
            const auto keep = [b](std::vector<float>& values, std::int64_t each) {
                values = std::vector<float>(values.begin() + b * each, values.begin() + (b + 1) * each);
            };
            keep(alone.x, tokens * 70);
            keep(alone.dy, tokens * 40);
            keep(alone.bias, 40);
            keep(alone.z, 6);
            Results own = all;
            keep(own.y, tokens * 40);
            keep(own.dx, tokens * 70);
            keep(own.dz, 6);
            EXPECT_EQ(test::run(engine_, alone), own) << "sample " << b << " of " << p.size.text();
        }
    }
}

TEST_P(EveryIsa, ThreadsDoNotChangeABit) {
    // Enough work that threads are woken.
    const Problem p({8, 30, 130, 90, 4, .5});
    const Results one = test::run(engine_, p);
    for (const int threads : {2, 3, 5}) {
        Engine more(threads);
        EXPECT_EQ(more.threads(), threads);
        for (int repetition = 0; repetition < 3; ++repetition) EXPECT_EQ(test::run(more, p), one);
    }
}

TEST_P(EveryIsa, OfNothingIsNothing) {
    for (const Size& size :
         {Size{0, 5, 6, 8, 3}, Size{2, 0, 6, 8, 3}, Size{2, 5, 6, 8, 0}, Size{2, 5, 6, 0, 2}})
        expect_reference(Problem(size));
    // No inputs: the bias alone.
    const Problem p({2, 5, 0, 8, 3});
    EXPECT_EQ(
        test::relative_error(test::run(engine_, p).y, product_reference(p.matrices(), p.activations(),
                                                                        p.coefficients(), p.own_bias())),
        0);
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryIsa, testing::ValuesIn(engine_isas()),
                         [](const auto& isa) { return isa.param; });

TEST(Engine, ProductsHaveTheSameBitsOnEveryIsaWithFusedMultiplyAdd) {
    Engine engine(1);
    for (const std::int64_t tokens : {1, 3, 31}) {
        const Problem p({7, tokens, 90, 45, 8, .5});
        std::vector<Results> all;
        for (const std::string& isa : engine_isas()) {
            if (isa == "baseline") continue;  // it has no fused multiply-add: one more rounding a term
            use_engine_isa(isa);
            all.push_back(test::run(engine, p));
        }
        use_engine_isa("");
        for (const Results& other : all) {
            EXPECT_EQ(other.y, all[0].y);
            EXPECT_EQ(other.dx, all[0].dx);
        }
    }
}

// Few tokens: samples with few terms mix activations, the others compose, side by side in one batch.
TEST_P(EveryIsa, AgreesWithTheReferenceWhereSchemesDiffer) {
    for (const std::int64_t tokens : {1, 2, 3, 4, 6}) {
        Problem p({12, tokens, 70, 40, 12});
        for (std::size_t b = 0; b < 12; ++b)
            for (std::size_t k = b; k < 12; ++k) p.z[b * 12 + k] = 0;
        expect_reference(p);
    }
}

TEST(Engine, RefusesWhatDoesNotFit) {
    Engine engine(1);
    const Problem p({2, 5, 6, 8, 3});
    const PackedBank bank(p.matrices());
    std::vector<float> out(1000);
    EXPECT_THROW(engine.product(bank, p.output_gradient(), p.coefficients(), {}, out.data()), NumericError);
    EXPECT_THROW(engine.coefficient_gradient(bank, p.activations(), p.activations(), p.coefficients(),
                                             Wanted::all, out.data()),
                 NumericError);
    Activations fewer = p.output_gradient();
    fewer.tokens = 4;
    EXPECT_THROW(
        engine.coefficient_gradient(bank, p.activations(), fewer, p.coefficients(), Wanted::all, out.data()),
        NumericError);
    EXPECT_THROW(use_engine_isa("avx1024"), ConfigError);
}

}  // namespace
}  // namespace vtvc
