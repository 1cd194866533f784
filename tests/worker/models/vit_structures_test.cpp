// Every structure that is not CLIP's against PyTorch's own layers (tests/golden/make_vit_structures.py):
// plain forward and gradients, and the same through composed weights.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {
namespace {

using nlohmann::json;

const json& golden() {
    static const json read = [] {
        std::ifstream file(VTVC_GOLDEN_DIR "/vit_structures.json");
        if (!file) throw std::runtime_error("tests/golden/vit_structures.json is missing");
        return json::parse(file)["structures"];
    }();
    return read;
}

class Structure : public testing::TestWithParam<const char*> {
  protected:
    Structure() : one_(golden().at(GetParam())), vit_(model_keys(one_["model"].dump())) {
        const ModelKeys& keys = vit_.keys();
        images_ = numbers(one_["images"], {-1, keys.channels, keys.image, keys.image});
        head_ = numbers(one_["head"], {-1, keys.output});
        labels_ = torch::tensor(one_["labels"].get<std::vector<std::int64_t>>());
    }
    static at::Tensor numbers(const json& values, const std::vector<std::int64_t>& shape) {
        return torch::tensor(values.get<std::vector<double>>(), at::kDouble).view(shape);
    }
    std::vector<at::Tensor> tensors(const char* what) const {
        EXPECT_EQ(one_["weights"].size(), vit_.blocks().size());
        std::vector<at::Tensor> result;
        for (const Block& block : vit_.blocks()) {
            const json& weight = one_["weights"].at(block.name);
            EXPECT_EQ(weight["shape"].get<std::vector<std::int64_t>>(), block.shape) << block.name;
            result.push_back(numbers(weight[what], block.shape));
        }
        return result;
    }
    at::Tensor loss(const at::Tensor& features) const {
        return at::cross_entropy_loss(at::mm(features, head_.t()), labels_);
    }
    /// The largest difference, relative to the largest value (zero gradients are zero but for rounding).
    static double difference(const at::Tensor& got, const at::Tensor& want) {
        return ((got.detach().to(at::kDouble) - want).abs().max() / want.abs().max().clamp_min(1e-2))
            .item<double>();
    }
    at::Tensor expected_features() const { return numbers(one_["features"], {images_.size(0), -1}); }
    BankView bank(std::int64_t tasks) const {
        torch::manual_seed(7);
        std::vector<std::string> names;
        std::vector<at::Tensor> tau;
        const std::vector<at::Tensor> base = tensors("values");
        for (std::int64_t k = 0; k < tasks; ++k) names.push_back("task" + std::to_string(k));
        for (const at::Tensor& tensor : base) {
            std::vector<std::int64_t> shape = tensor.sizes().vec();
            shape.insert(shape.begin(), tasks);
            tau.push_back(.2 * at::randn(shape, at::kDouble));
        }
        return {vit_.blocks(), names, base, tau, Partition::tensor};
    }

    const json& one_;
    Vit vit_;
    at::Tensor images_, head_, labels_;
};

TEST_P(Structure, FeaturesAndGradientsEqualPyTorch) {
    std::vector<at::Tensor> parameters = tensors("values");
    for (at::Tensor& parameter : parameters) parameter.requires_grad_();
    PlainWeights plain(parameters);
    const at::Tensor features = vit_.forward(images_, plain), cost = loss(features);
    EXPECT_LT(difference(features, expected_features()), 1e-9);
    EXPECT_NEAR(cost.item<double>(), one_["loss"].get<double>(), 1e-9);
    cost.backward();
    const std::vector<at::Tensor> expected = tensors("gradient");
    for (std::size_t j = 0; j < parameters.size(); ++j)
        EXPECT_LT(difference(parameters[j].grad(), expected[j]), 1e-9) << vit_.blocks()[j].name;
}

// Unit round-off grows through two layers and their LayerNorms to a few 1e-6.
TEST_P(Structure, EvaluationInFloatEqualsPyTorch) {
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> parameters;
    for (const at::Tensor& tensor : tensors("values")) parameters.push_back(tensor.to(at::kFloat));
    PlainWeights plain(parameters);
    EXPECT_LT(difference(vit_.forward(images_.to(at::kFloat), plain), expected_features()), 1e-5);
}

/// ∂L/∂z_kj at z = 0, summed over the samples, is ⟨∂L/∂θ_j, τ_kj⟩ with PyTorch's ∂L/∂θ_j.
TEST_P(Structure, ComposedGradientsInZEqualPyTorchs) {
    const BankView vectors = bank(2);
    const at::Tensor z =
        at::zeros({images_.size(0), 2, vectors.coefficients()}, at::kDouble).set_requires_grad(true);
    const std::unique_ptr<Weights> weights = make_composed(vectors, z);
    const at::Tensor features = vit_.forward(images_, *weights);
    EXPECT_LT(difference(features, expected_features()), 1e-9);
    loss(features).backward();
    const std::vector<at::Tensor> gradients = tensors("gradient");
    const at::Tensor summed = z.grad().sum(0);
    for (std::int64_t j = 0; j < vectors.coefficients(); ++j) {
        const at::Tensor expected = at::mv(vectors.tau(j), gradients[static_cast<std::size_t>(j)].flatten());
        EXPECT_LT(difference(summed.select(1, j), expected), 1e-8)
            << vit_.blocks()[static_cast<std::size_t>(j)].name;
    }
}

TEST_P(Structure, EachSampleIsComposedWithItsOwnCoefficients) {
    const torch::NoGradGuard no_grad;
    const BankView vectors = bank(3);
    const at::Tensor z = at::randn({images_.size(0), 3, vectors.coefficients()}, at::kDouble);
    for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic}) {
        const std::unique_ptr<Weights> weights = make_composed(vectors, z, scheme);
        const at::Tensor together = vit_.forward(images_, *weights);
        for (std::int64_t b = 0; b < images_.size(0); ++b) {
            PlainWeights own(merge(vectors, z[b]));
            EXPECT_LT(difference(together.narrow(0, b, 1), vit_.forward(images_.narrow(0, b, 1), own)), 1e-9);
        }
    }
}

/// Evaluation must not let a sample's result depend on its batch, in any bit.
TEST_P(Structure, EvaluationDoesNotDependOnTheBatch) {
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> parameters;
    for (const at::Tensor& tensor : tensors("values")) parameters.push_back(tensor.to(at::kFloat));
    PlainWeights plain(parameters);
    const at::Tensor many = at::randn({37, images_.size(1), images_.size(2), images_.size(3)});
    const at::Tensor together = vit_.forward(many, plain);
    for (const std::int64_t count : {1, 5})
        EXPECT_TRUE(torch::equal(vit_.forward(many.narrow(0, 7, count).contiguous(), plain),
                                 together.narrow(0, 7, count)));
}

INSTANTIATE_TEST_SUITE_P(Golden, Structure,
                         testing::Values("PostNormWithRelu", "PostNormWithGelu", "EncoderPreNorm",
                                         "LinearPatchesAndMean", "PositionsOfPatchesAndNormAfterTheMean",
                                         "MeanOfAllTokensAndProjection"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace vtvc
