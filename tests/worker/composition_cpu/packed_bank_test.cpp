#include "vtvc/composition/packed_bank.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace vtvc {
namespace {

TEST(PackedBank, HoldsLinesOfSixteenOutputsPerInput) {
    constexpr std::int64_t tasks = 2, outputs = 19, inputs = 3;
    std::vector<float> stacked((1 + tasks) * outputs * inputs);
    std::iota(stacked.begin(), stacked.end(), 1.F);
    const StackedMatrices m{stacked.data(), tasks, outputs, inputs, outputs * inputs, inputs, 1};
    const PackedBank bank(m), turned(m.transposed());
    ASSERT_EQ(bank.panels(), 2);
    ASSERT_EQ(turned.panels(), 1);
    const auto at = [&](std::int64_t k, std::int64_t o, std::int64_t i) {
        return stacked[static_cast<std::size_t>((k * outputs + o) * inputs + i)];
    };
    for (std::int64_t k = 0; k <= tasks; ++k)
        for (std::int64_t i = 0; i < inputs; ++i)
            for (std::int64_t o = 0; o < 32; ++o) {
                EXPECT_EQ(bank.at(o / 16, i)[k * 16 + o % 16], o < outputs ? at(k, o, i) : 0);
                if (o < outputs) {
                    EXPECT_EQ(turned.at(0, o)[k * 16 + i], at(k, o, i));
                }
            }
    EXPECT_GE(bank.size_bytes(), PackedBank::size_bytes(m));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bank.at(0, 0)) % 64, 0U);
}

TEST(PackedBank, TakesOtherMatricesInItsPlace) {
    const std::vector<float> large(4 * 40 * 30, 1.F), small(2 * 5 * 7, 2.F);
    PackedBank bank(StackedMatrices{large.data(), 3, 40, 30, 1200, 30, 1});
    const float* place = bank.at(0, 0);
    bank.assign({small.data(), 1, 5, 7, 35, 7, 1});
    EXPECT_EQ(bank.at(0, 0), place);
    EXPECT_EQ(bank.tasks(), 1);
    EXPECT_EQ(bank.at(0, 6)[16 + 4], 2.F);
    EXPECT_EQ(bank.at(0, 6)[16 + 5], 0.F);
}

}  // namespace
}  // namespace vtvc
