#include "vtvc/composition/batched_product.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vtvc {
namespace {

// Sums of some twenty products of size one in double: rounding is about 1e-15.
constexpr double kRounding = 1e-13;

void expect_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const char* what) {
    const at::Tensor before = out.clone(), expected = at::matmul(a, b);
    batched_product_out(out, a, b);
    EXPECT_TRUE(at::allclose(out, expected, kRounding, kRounding)) << what;
    out.copy_(before);
    batched_product_out(out, a, b, .5, 2);
    EXPECT_TRUE(at::allclose(out, .5 * expected + 2 * before, kRounding, kRounding))
        << what << ", scaled and added";
}

TEST(BatchedProduct, MultipliesMatricesOfAnyStrides) {
    torch::manual_seed(5);
    const auto random = [](at::IntArrayRef shape) { return torch::randn(shape, at::kDouble); };
    for (const std::int64_t m : {1, 2, 17})
        for (const std::int64_t k : {1, 5, 16})
            for (const std::int64_t n : {1, 3, 19}) {
                const at::Tensor out = random({3, m, n});
                expect_product(out, random({3, m, k}), random({3, k, n}), "contiguous");
                expect_product(out, random({3, k, m}).transpose(1, 2), random({3, n, k}).transpose(1, 2),
                               "transposed");
                expect_product(out, random({m, k}).expand({3, m, k}), random({k, n}).expand({3, k, n}),
                               "shared");
                expect_product(out, random({3, m, 2 * k}).slice(2, 0, 2 * k, 2),
                               random({3, k, 2 * n}).narrow(2, n, n), "with gaps");
                expect_product(out, random({m, k, 3}).permute({2, 0, 1}),
                               random({n, 3, k}).permute({1, 2, 0}), "permuted");
                expect_product(random({3, m, 2 * n}).narrow(2, 1, n), random({3, m, k}), random({3, k, n}),
                               "into a part");
                expect_product(random({3, m, 2, n}).transpose(1, 2), random({3, m, 2, k}).transpose(1, 2),
                               random({3, 2, n, k}).transpose(2, 3), "two batch axes");
            }
}

TEST(BatchedProduct, OfNothingIsNothing) {
    EXPECT_EQ(batched_product(torch::randn({0, 2, 3}), torch::randn({0, 3, 4})).sizes(),
              (at::IntArrayRef{0, 2, 4}));
    // An empty sum is zero, whatever lay there.
    const at::Tensor out = torch::full({2, 2, 4}, std::nan(""));
    batched_product_out(out, torch::randn({2, 2, 0}), torch::randn({2, 0, 4}));
    EXPECT_TRUE(at::equal(out, torch::zeros({2, 2, 4})));
}

TEST(BatchedProduct, ReplacesWhatWasNotANumber) {
    for (const std::int64_t rows : {1, 3}) {
        const at::Tensor out = torch::full({2, rows, 4}, std::nan(""));
        batched_product_out(out, torch::ones({2, rows, 5}), torch::ones({2, 5, 4}));
        EXPECT_TRUE(at::equal(out, torch::full({2, rows, 4}, 5.F)));
    }
}

TEST(Accumulate, SumsRowsInTheGivenOrderAndSkipsZeros) {
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
        at::Tensor stacked = torch::randn({5, 37}, type), z = torch::randn({3, 4}, type);
        z[1].zero_();
        z[2][3] = 0;
        const at::Tensor out = at::empty({3, 37}, stacked.options());
        accumulate_out(out, stacked, z, {0, 1, 2, 3});
        EXPECT_TRUE(at::allclose(out, stacked[0] + at::mm(z, stacked.narrow(0, 1, 4)), 1e-5, 1e-5));
        EXPECT_TRUE(at::equal(out[1], stacked[0]));
        const at::Tensor fewer = at::empty({1, 37}, stacked.options());
        accumulate_out(fewer, stacked, z.narrow(0, 2, 1), {0, 1, 2});
        EXPECT_TRUE(at::equal(fewer[0], out[2]));
    }
}

}  // namespace
}  // namespace vtvc
