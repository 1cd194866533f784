// ∂z from products in bf16: exact where bf16 holds every number, close where it does not, and only where the
// processor has them.
#include <gtest/gtest.h>

#include <cmath>

#include "stored_problem.hpp"

namespace vtvc {
namespace {

using test::Problem;

std::vector<float> gradient(const Problem& p, Products products, Wanted wanted = Wanted::all,
                            int threads = 1) {
    Engine engine(threads);
    std::vector<float> dz(p.z.size(), std::numeric_limits<float>::quiet_NaN());
    engine.coefficient_gradient(PackedBank(p.matrices()), p.activations(), p.output_gradient(),
                                p.coefficients(), wanted, dz.data(), products);
    return dz;
}
std::vector<double> expected(const Problem& p) {
    return coefficient_gradient_reference(p.matrices(), p.activations(), p.output_gradient());
}

class GradientInBf16 : public testing::Test {
  protected:
    // Skipped and not failed: without the instruction there is nothing of this kind to test, and what the
    // option does instead (f32) is tested on every processor by
    // GradientProducts.AreF32WhereTheInstructionSetHasNoOthers.
    void SetUp() override {
        if (!has_bf16_products() || engine_isa() != "avx512")
            GTEST_SKIP() << "this processor multiplies no bf16 (vdpbf16ps): the option is f32 there, which "
                            "engine_test checks; the engine runs "
                         << engine_isa();
    }
};

TEST_F(GradientInBf16, IsExactForNumbersThatBf16Holds) {
    for (const std::int64_t tokens : {1, 2, 7, 50})
        for (const std::int64_t inputs : {1, 23, 24, 49})
            for (const std::int64_t outputs : {3, 16, 33}) {
                Problem p({3, tokens, inputs, outputs, 9});
                for (auto* values : {&p.x, &p.dy})
                    for (float& v : *values) v = std::nearbyint(8 * v) / 4;
                EXPECT_LT(test::relative_error(gradient(p, Products::bf16), expected(p)), 1e-5)
                    << p.size.text();
            }
}

TEST_F(GradientInBf16, IsRoundedOtherwise) {
    const Problem p({4, 31, 60, 40, 6});
    const double error = test::relative_error(gradient(p, Products::bf16), expected(p));
    EXPECT_GT(error, 1e-4);  // it is another way than f32
    EXPECT_LT(error, 2e-2);
    EXPECT_LT(test::relative_error(gradient(p, Products::f32), expected(p)), 1e-5);
}

TEST_F(GradientInBf16, FeelsNeitherThreadsNorGates) {
    const Problem p({7, 40, 130, 90, 6, .4});
    const std::vector<float> all = gradient(p, Products::bf16);
    EXPECT_EQ(gradient(p, Products::bf16, Wanted::all, 3), all);
    const std::vector<float> active = gradient(p, Products::bf16, Wanted::active);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(active[i], p.z[i] == 0 ? 0 : all[i]);
}

TEST_F(GradientInBf16, TellsOfWhatIsNoNumber) {
    Problem p({2, 6, 30, 20, 2});
    p.x[5] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(gradient(p, Products::bf16)[0]));
}

TEST(GradientProducts, AreF32WhereTheInstructionSetHasNoOthers) {
    const Problem p({3, 9, 30, 20, 3});
    use_engine_isa("baseline");
    EXPECT_EQ(gradient(p, Products::bf16), gradient(p, Products::f32));
    use_engine_isa("");
}

}  // namespace
}  // namespace vtvc
