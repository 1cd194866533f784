#include "vtvc/models/vit.hpp"

#include <torch/torch.h>

#include <cmath>
#include <sstream>

#include "attention.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

/// x·sigmoid(1.702x), written as silu(ax)/a: its derivative is silu's own at ax, so only ax is kept.
struct QuickGelu : torch::autograd::Function<QuickGelu> {
    static constexpr double a = 1.702;
    static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x) {
        const at::Tensor scaled = x * a;
        ctx->save_for_backward({scaled});
        return at::silu(scaled).mul_(1 / a);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   torch::autograd::variable_list gradients) {
        return {at::silu_backward(gradients[0], ctx->get_saved_variables()[0])};
    }
};

at::Tensor activate(const at::Tensor& x, Activation activation) {
    const auto apply = [&](const at::Tensor& values) {
        return activation == Activation::gelu ? at::gelu(values) : QuickGelu::apply(values);
    };
    if (at::GradMode::is_enabled()) return apply(x);
    // Torch computes the last few values of each thread's share one by one, by another exponential than its
    // vectors of 32, so that a sample's last bits would depend on its place in the batch. Evaluation fills
    // every sample up to whole vectors for every thread; of the usual sizes none needs it.
    const std::int64_t values = x.size(1) * x.size(2), whole = 32 * at::get_num_threads();
    const std::int64_t missing = (whole - values % whole) % whole;
    if (missing == 0) return apply(x);
    return apply(at::constant_pad_nd(x.reshape({x.size(0), values}), {0, missing}))
        .narrow(1, 0, values)
        .reshape(x.sizes());
}

/// [B, C, H, W] → [B, patches, C·p·p], in the order of a convolution's kernel.
at::Tensor unfold_patches(const at::Tensor& images, std::int64_t patch) {
    const std::int64_t samples = images.size(0), channels = images.size(1), grid = images.size(2) / patch;
    return images.reshape({samples, channels, grid, patch, grid, patch})
        .permute({0, 2, 4, 1, 3, 5})
        .reshape({samples, grid * grid, channels * patch * patch});
}

}  // namespace

Vit::Vit(ModelKeys keys) : keys_(keys) {
    if (keys.patch < 1 || keys.image < 1 || keys.image % keys.patch != 0)
        fail<ConfigError>("an image of {} pixels does not divide into patches of {}; choose a divisor",
                          keys.image, keys.patch);
    if (keys.heads < 1 || keys.width < 1 || keys.width % keys.heads != 0)
        fail<ConfigError>("a width of {} does not divide into {} heads; choose a divisor", keys.width,
                          keys.heads);
    if (keys.channels < 1 || keys.depth < 1 || keys.mlp < 1 || keys.output < 1)
        fail<ConfigError>("channels {}, depth {}, mlp {} and output {} must all be 1 at least", keys.channels,
                          keys.depth, keys.mlp, keys.output);
    const std::int64_t width = keys.width, grid = keys.image / keys.patch;
    const auto add = [this](std::string name, std::vector<std::int64_t> shape) {
        blocks_.push_back({std::move(name), std::move(shape)});
        return static_cast<std::int64_t>(blocks_.size()) - 1;
    };
    const auto add_pair = [&](const std::string& name, std::vector<std::int64_t> shape,
                              const char* separator = ".") {
        const std::int64_t outputs = shape[0];
        const std::int64_t weight = add(name + separator + "weight", std::move(shape));
        add(name + separator + "bias", {outputs});
        return weight;
    };
    conv1_ = add("conv1.weight", {width, keys.channels, keys.patch, keys.patch});
    class_embedding_ = add("class_embedding", {width});
    positional_ = add("positional_embedding", {grid * grid + 1, width});
    ln_pre_ = add_pair("ln_pre", {width});
    for (std::int64_t i = 0; i < keys.depth; ++i) {
        const std::string prefix = fmt::format("transformer.resblocks.{}.", i);
        Layer layer{};
        layer.ln_1 = add_pair(prefix + "ln_1", {width});
        layer.in_proj = add_pair(prefix + "attn.in_proj", {3 * width, width}, "_");
        layer.out_proj = add_pair(prefix + "attn.out_proj", {width, width});
        layer.ln_2 = add_pair(prefix + "ln_2", {width});
        layer.c_fc = add_pair(prefix + "mlp.c_fc", {keys.mlp, width});
        layer.c_proj = add_pair(prefix + "mlp.c_proj", {width, keys.mlp});
        layers_.push_back(layer);
    }
    ln_post_ = add_pair("ln_post", {width});
    proj_ = add("proj", {width, keys.output});
}

at::Tensor Vit::forward(const at::Tensor& images, Weights& weights) const {
    if (images.dim() != 4 || images.size(1) != keys_.channels || images.size(2) != keys_.image ||
        images.size(3) != keys_.image) {
        std::ostringstream shape;
        shape << images.sizes();
        fail<NumericError>("images of shape {} do not fit the network; give [samples, {}, {}, {}]",
                           shape.str(), keys_.channels, keys_.image, keys_.image);
    }
    const auto norm = [&](const at::Tensor& x, std::int64_t scale) {
        return composed_layer_norm(weights, x, scale, scale + 1);
    };
    const auto linear = [&](const at::Tensor& x, std::int64_t weight) {
        return weights.linear(x, weight, weight + 1);
    };

    const at::Tensor patches = weights.linear(unfold_patches(images, keys_.patch), conv1_, -1);
    const at::Tensor class_token =
        weights.vector(class_embedding_).unsqueeze(1).expand({images.size(0), 1, keys_.width});
    at::Tensor x = norm(at::cat({class_token, patches}, 1) + weights.vector(positional_), ln_pre_);
    for (const Layer& layer : layers_) {
        // Features are read off the class token alone: in the last layer the others only serve as keys and
        // values.
        const std::int64_t queries = &layer == &layers_.back() ? 1 : x.size(1);
        const at::Tensor attended = attend(linear(norm(x, layer.ln_1), layer.in_proj), keys_.heads, queries);
        x = x.narrow(1, 0, queries) + linear(attended, layer.out_proj);
        x = x + linear(activate(linear(norm(x, layer.ln_2), layer.c_fc), keys_.activation), layer.c_proj);
    }
    return weights.linear_transposed(norm(x, ln_post_), proj_).squeeze(1);
}

std::vector<at::Tensor> Vit::initialise(std::uint64_t seed) const {
    const auto width = static_cast<double>(keys_.width);
    const double scale = std::pow(width, -.5);
    const double residual = scale * std::pow(2. * static_cast<double>(keys_.depth), -.5);
    const double patch = std::pow(static_cast<double>(keys_.channels * keys_.patch * keys_.patch), -.5);
    std::vector<double> deviation(blocks_.size(), 0);  // biases stay zero
    const auto set = [&](std::int64_t block, double value) {
        deviation[static_cast<std::size_t>(block)] = value;
    };
    set(conv1_, patch);
    for (const std::int64_t block : {class_embedding_, positional_, proj_}) set(block, scale);
    std::vector<std::int64_t> gains{ln_pre_, ln_post_};
    for (const Layer& layer : layers_) {
        gains.insert(gains.end(), {layer.ln_1, layer.ln_2});
        set(layer.in_proj, scale);
        set(layer.out_proj, residual);
        set(layer.c_fc, std::pow(2 * width, -.5));
        set(layer.c_proj, residual);
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
    for (const std::int64_t gain : gains) tensors[static_cast<std::size_t>(gain)].fill_(1);
    return tensors;
}

}  // namespace vtvc
