// Features, gradients and one training step against PyTorch's own layers (tests/golden/make_vit.py).
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
        std::ifstream file(VTVC_GOLDEN_DIR "/vit.json");
        if (!file) throw std::runtime_error("tests/golden/vit.json is missing; run tests/golden/make_vit.py");
        return json::parse(file);
    }();
    return read;
}

at::Tensor numbers(const json& values, std::vector<std::int64_t> shape) {
    return torch::tensor(values.get<std::vector<double>>(), at::kDouble).view(shape);
}

struct Case {
    Activation activation;
    at::ScalarType type;
    double tolerance;  ///< relative to the largest value of a tensor
    const char* name;
};

class Golden : public testing::TestWithParam<Case> {
  protected:
    Golden()
        : vit_([] {
              const json& model = golden()["model"];
              ModelKeys keys;
              keys.image = model["image"];
              keys.channels = model["channels"];
              keys.patch = model["patch"];
              keys.width = model["width"];
              keys.depth = model["depth"];
              keys.heads = model["heads"];
              keys.mlp = model["mlp"];
              keys.output = model["output"];
              keys.activation = GetParam().activation;
              return keys;
          }()) {
        const ModelKeys& keys = vit_.keys();
        images_ =
            numbers(golden()["images"], {-1, keys.channels, keys.image, keys.image}).to(GetParam().type);
        head_ = numbers(golden()["head"], {golden()["classes"].get<std::int64_t>(), keys.output})
                    .to(GetParam().type);
        labels_ = torch::tensor(golden()["labels"].get<std::vector<std::int64_t>>());
    }

    const json& expected() const {
        return golden()[GetParam().activation == Activation::gelu ? "gelu" : "quick_gelu"];
    }
    /// The golden weights in the model's order; fails where a name or a shape differs.
    std::vector<at::Tensor> weights() const {
        std::vector<at::Tensor> tensors;
        EXPECT_EQ(golden()["weights"].size(), vit_.blocks().size());
        for (const Block& block : vit_.blocks()) {
            const json& weight = golden()["weights"].at(block.name);
            EXPECT_EQ(weight["shape"].get<std::vector<std::int64_t>>(), block.shape) << block.name;
            tensors.push_back(numbers(weight["values"], block.shape).to(GetParam().type));
        }
        return tensors;
    }
    void expect_near(const at::Tensor& got, const json& values, const std::string& what) const {
        const at::Tensor want = numbers(values, got.sizes().vec());
        const double scale = want.abs().max().item<double>();
        // Some gradients are zero but for rounding (a key's bias moves all scores alike): hence the floor.
        EXPECT_LT((got.detach().to(at::kDouble) - want).abs().max().item<double>(),
                  GetParam().tolerance * std::max(scale, 1e-2))
            << what;
    }
    at::Tensor loss(const at::Tensor& features) const {
        return at::cross_entropy_loss(at::mm(features, head_.t()), labels_);
    }

    Vit vit_;
    at::Tensor images_, head_, labels_;
};

TEST_P(Golden, FeaturesGradientsAndOneStepOfAdamWEqualPyTorch) {
    std::vector<at::Tensor> parameters = weights();
    for (at::Tensor& parameter : parameters) parameter.requires_grad_();
    PlainWeights plain(parameters);
    const at::Tensor features = vit_.forward(images_, plain), cost = loss(features);
    expect_near(features, expected()["features"], "features");
    EXPECT_NEAR(cost.item<double>(), expected()["loss"].get<double>(), GetParam().tolerance);
    cost.backward();
    for (std::size_t j = 0; j < parameters.size(); ++j)
        expect_near(parameters[j].grad(), expected()["gradients"][vit_.blocks()[j].name],
                    vit_.blocks()[j].name);

    // A step of Adam divides a gradient by its own size, so that rounding of a zero gradient would be a full
    // step: the stepped weights are compared in double only.
    if (GetParam().type == at::kFloat) return;
    const json& step = golden()["step"];
    const double norm = torch::nn::utils::clip_grad_norm_(parameters, step["clip"].get<double>());
    EXPECT_NEAR(norm, expected()["gradient_norm"].get<double>(), 1e-9);
    torch::optim::AdamW(parameters, torch::optim::AdamWOptions(step["lr"]).weight_decay(step["weight_decay"]))
        .step();
    for (std::size_t j = 0; j < parameters.size(); ++j)
        expect_near(parameters[j], expected()["stepped"][vit_.blocks()[j].name],
                    "stepped " + vit_.blocks()[j].name);
}

TEST_P(Golden, ComposedWithOneTaskAndCoefficientOneEqualsPyTorch) {
    const std::vector<at::Tensor> tuned = weights();
    std::vector<at::Tensor> base, tau;
    torch::manual_seed(1);
    for (const at::Tensor& tensor : tuned) {
        base.push_back(tensor + .1 * at::randn_like(tensor));
        tau.push_back((tensor - base.back()).unsqueeze(0));
    }
    const BankView bank(vit_.blocks(), {"tuned"}, base, tau, Partition::tensor);
    const at::Tensor z = at::ones({images_.size(0), 1, bank.coefficients()}, images_.options());
    for (const Scheme scheme : {Scheme::materialise, Scheme::mix_activations, Scheme::automatic})
        expect_near(vit_.forward(images_, *make_composed(bank, z, scheme)), expected()["features"],
                    "features");
}

// Double: the file keeps 12 digits, and gradients are sums of some hundred products. Float: unit round-off
// 6e-8 grows through two layers and their LayerNorms to a few 1e-6; 1e-5 relative still shows any wrong
// constant.
INSTANTIATE_TEST_SUITE_P(Activations, Golden,
                         testing::Values(Case{Activation::quick_gelu, at::kDouble, 1e-9, "QuickGeluInDouble"},
                                         Case{Activation::quick_gelu, at::kFloat, 1e-5, "QuickGeluInFloat"},
                                         Case{Activation::gelu, at::kDouble, 1e-9, "GeluInDouble"},
                                         Case{Activation::gelu, at::kFloat, 1e-5, "GeluInFloat"}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace vtvc
