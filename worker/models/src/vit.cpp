#include "vtvc/models/vit.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "attention.hpp"
#include "pooling.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/models/activation.hpp"

namespace vtvc {
namespace {

/// [B, C, H, W] → [B, patches, C·p·p], in the order of a convolution's kernel.
at::Tensor unfold_patches(const at::Tensor& images, std::int64_t patch) {
    const std::int64_t samples = images.size(0), channels = images.size(1), grid = images.size(2) / patch;
    return images.reshape({samples, channels, grid, patch, grid, patch})
        .permute({0, 2, 4, 1, 3, 5})
        .reshape({samples, grid * grid, channels * patch * patch});
}

}  // namespace

Vit::Pair Vit::pair(const std::string& weight, const std::string& bias) const {
    const auto find = [this](const std::string& name) -> std::int64_t {
        const auto at = std::find_if(blocks_.begin(), blocks_.end(),
                                     [&](const Block& block) { return block.name == name; });
        return at == blocks_.end() ? -1 : at - blocks_.begin();
    };
    return {find(weight), find(bias)};
}

Vit::Vit(ModelKeys keys) : keys_(std::move(keys)), blocks_(model_blocks(keys_)) {
    const auto module = [this](const std::string& name) { return pair(name + ".weight", name + ".bias"); };
    conv1_ = module("conv1");
    class_embedding_ = pair("class_embedding", "").weight;
    positional_ = pair("positional_embedding", "").weight;
    ln_pre_ = module("ln_pre");
    for (std::int64_t i = 0; i < keys_.depth; ++i) {
        const std::string prefix = fmt::format("transformer.resblocks.{}.", i);
        layers_.push_back({module(prefix + "ln_1"),
                           pair(prefix + "attn.in_proj_weight", prefix + "attn.in_proj_bias"),
                           module(prefix + "attn.out_proj"), module(prefix + "ln_2"),
                           module(prefix + "mlp.c_fc"), module(prefix + "mlp.c_proj")});
    }
    ln_post_ = module("ln_post");
    proj_ = pair("proj", "").weight;
}

at::Tensor Vit::embed(const at::Tensor& images, Weights& weights) const {
    at::Tensor x = weights.linear(unfold_patches(images, keys_.patch), conv1_.weight, conv1_.bias);
    if (keys_.positions == Positions::patches) x = x + weights.vector(positional_);
    if (keys_.class_token) {
        const at::Tensor class_token =
            weights.vector(class_embedding_).unsqueeze(1).expand({images.size(0), 1, keys_.width});
        x = at::cat({class_token, x}, 1);
    }
    return keys_.positions == Positions::all ? x + weights.vector(positional_) : x;
}

at::Tensor Vit::run_layer(const at::Tensor& x, const Layer& layer, std::int64_t queries,
                          Weights& weights) const {
    const bool pre = keys_.norm == NormPlace::pre;
    const auto norm = [&](const at::Tensor& t, const Pair& ln) {
        return composed_layer_norm(weights, t, ln.weight, ln.bias, keys_.norm_eps);
    };
    const auto linear = [&](const at::Tensor& t, const Pair& p) {
        return weights.linear(t, p.weight, p.bias);
    };
    const auto mlp = [&](const at::Tensor& t) {
        return linear(activate(linear(t, layer.c_fc), keys_.activation), layer.c_proj);
    };
    const at::Tensor qkv = linear(pre ? norm(x, layer.ln_1) : x, layer.in_proj);
    at::Tensor y = x.narrow(1, 0, queries) + linear(attend(qkv, keys_.heads, queries), layer.out_proj);
    if (pre) return y + mlp(norm(y, layer.ln_2));
    y = norm(y, layer.ln_1);
    return norm(y + mlp(y), layer.ln_2);
}

at::Tensor Vit::forward(const at::Tensor& images, Weights& weights) const {
    if (images.dim() != 4 || images.size(1) != keys_.channels || images.size(2) != keys_.image ||
        images.size(3) != keys_.image) {
        std::ostringstream shape;
        shape << images.sizes();
        fail<NumericError>("images of shape {} do not fit the network; give [samples, {}, {}, {}]",
                           shape.str(), keys_.channels, keys_.image, keys_.image);
    }
    const auto norm = [&](const at::Tensor& x, const Pair& ln) {
        return composed_layer_norm(weights, x, ln.weight, ln.bias, keys_.norm_eps);
    };
    at::Tensor x = embed(images, weights);
    if (keys_.ln_pre) x = norm(x, ln_pre_);
    for (const Layer& layer : layers_) {
        // Features that are read off the class token alone need the others of the last layer only as keys and
        // values.
        const bool last = &layer == &layers_.back();
        const std::int64_t queries = last && keys_.pool == Pool::class_token ? 1 : x.size(1);
        x = run_layer(x, layer, queries, weights);
    }
    if (keys_.ln_post == FinalNorm::tokens) x = norm(x, ln_post_);
    x = pool_tokens(x, keys_);
    if (keys_.ln_post == FinalNorm::pooled) x = norm(x, ln_post_);
    return (proj_ < 0 ? x : weights.linear_transposed(x, proj_)).squeeze(1);
}

std::vector<at::Tensor> Vit::initialise(std::uint64_t seed) const {
    const auto width = static_cast<double>(keys_.width);
    const double scale = std::pow(width, -.5);
    const double residual = scale * std::pow(2. * static_cast<double>(keys_.depth), -.5);
    const double patch = std::pow(static_cast<double>(keys_.channels * keys_.patch * keys_.patch), -.5);
    std::vector<double> deviation(blocks_.size(), 0);  // biases stay zero
    const auto set = [&](std::int64_t block, double value) {
        if (block >= 0) deviation[static_cast<std::size_t>(block)] = value;
    };
    set(conv1_.weight, patch);
    for (const std::int64_t block : {class_embedding_, positional_, proj_}) set(block, scale);
    std::vector<std::int64_t> gains{ln_pre_.weight, ln_post_.weight};
    for (const Layer& layer : layers_) {
        gains.insert(gains.end(), {layer.ln_1.weight, layer.ln_2.weight});
        set(layer.in_proj.weight, scale);
        set(layer.out_proj.weight, residual);
        set(layer.c_fc.weight, std::pow(2 * width, -.5));
        set(layer.c_proj.weight, residual);
    }
    std::vector<at::Tensor> tensors;
    for (std::size_t j = 0; j < blocks_.size(); ++j) {
        tensors.push_back(at::zeros(blocks_[j].shape, at::kFloat));
        if (deviation[j] == 0) continue;
        Stream stream(seed, Purpose::initialise, j);
        auto* values = tensors.back().data_ptr<float>();
        for (std::int64_t i = 0; i < tensors.back().numel(); ++i)
            values[i] = static_cast<float>(deviation[j] * stream.normal());
    }
    for (const std::int64_t gain : gains)
        if (gain >= 0) tensors[static_cast<std::size_t>(gain)].fill_(1);
    return tensors;
}

}  // namespace vtvc
