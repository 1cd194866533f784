#include "vtvc/composition/plain.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vtvc {
namespace {

TEST(PlainWeights, MultiplyAsTorchDoes) {
    torch::manual_seed(3);
    const auto weight = torch::randn({8, 6}, at::kDouble), bias = torch::randn({8}, at::kDouble);
    const auto projection = torch::randn({6, 8}, at::kDouble), x = torch::randn({4, 5, 6}, at::kDouble);
    PlainWeights weights({weight, bias, projection});
    for (const bool gradients : {true, false}) {
        const at::AutoGradMode mode(gradients);
        EXPECT_TRUE(at::allclose(weights.linear(x, 0, 1), at::linear(x, weight, bias), 1e-12, 1e-12));
        EXPECT_TRUE(at::allclose(weights.linear(x, 0, -1), at::linear(x, weight), 1e-12, 1e-12));
        EXPECT_TRUE(at::allclose(weights.linear_transposed(x, 2), at::matmul(x, projection), 1e-12, 1e-12));
        EXPECT_TRUE(at::equal(weights.vector(1), bias.unsqueeze(0)));
        EXPECT_TRUE(at::allclose(composed_layer_norm(weights, weights.linear(x, 0, 1), 1, 1),
                                 at::layer_norm(at::linear(x, weight, bias), {8}, bias, bias), 1e-12, 1e-12));
    }
}

TEST(PlainWeights, PatchKernelMultipliesAsAConvolution) {
    const auto kernel = torch::randn({8, 3, 4, 4}, at::kDouble),
               image = torch::randn({2, 3, 4, 4}, at::kDouble);
    PlainWeights weights({kernel});
    EXPECT_TRUE(at::allclose(weights.linear(image.view({2, 1, 48}), 0, -1).squeeze(1),
                             at::conv2d(image, kernel).flatten(1), 1e-12, 1e-12));
}

TEST(PlainWeights, GradientsReachTheBlocks) {
    const auto weight = torch::randn({8, 6}, at::kDouble).requires_grad_();
    const auto bias = torch::randn({8}, at::kDouble).requires_grad_();
    const auto x = torch::randn({4, 5, 6}, at::kDouble);
    PlainWeights weights({weight, bias});
    const auto got = torch::autograd::grad({weights.linear(x, 0, 1).square().sum()}, {weight, bias});
    const auto expected = torch::autograd::grad({at::linear(x, weight, bias).square().sum()}, {weight, bias});
    EXPECT_TRUE(at::allclose(got[0], expected[0], 1e-12, 1e-12));
    EXPECT_TRUE(at::allclose(got[1], expected[1], 1e-12, 1e-12));
}

}  // namespace
}  // namespace vtvc
