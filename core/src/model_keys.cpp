#include "vtvc/core/model_keys.hpp"

#include <fmt/format.h>

namespace vtvc {

void ModelKeys::describe(Visitor& v) {
    v.section("model", "A Vision Transformer; the defaults of its structure are CLIP's.");
    v.key("model.image", image, {.help = "Height and width of an image.", .unit = "pixels", .min = 1});
    v.key("model.channels", channels, {.help = "Channels of an image.", .min = 1, .max = 4});
    v.key("model.patch", patch,
          {.help = "Height and width of a patch; divides model.image.", .unit = "pixels", .min = 1});
    v.key("model.width", width,
          {.help = "Width of the residual stream; divisible by model.heads.", .min = 1});
    v.key("model.depth", depth, {.help = "Number of transformer blocks.", .min = 1});
    v.key("model.heads", heads, {.help = "Attention heads of each block.", .min = 1});
    v.key("model.mlp", mlp, {.help = "Hidden width of each block's MLP.", .min = 1});
    v.key("model.output", output,
          {.help = "Width of the feature; model.width where there is no projection.", .min = 1});
    v.key("model.activation", activation, {.help = "Non-linearity of the MLPs; CLIP's is quick_gelu."});
    v.key("model.norm", norm, {.help = "LayerNorms before attention and MLP, or after their sums."});
    v.key("model.norm_eps", norm_eps,
          {.help = "What a LayerNorm adds to the variance.", .min = 1e-12, .max = 1e-1});
    v.key("model.patch_bias", patch_bias, {.help = "Whether the patch embedding has a bias."});
    v.key("model.class_token", class_token, {.help = "Whether a class token goes before the patches."});
    v.key("model.positions", positions, {.help = "Tokens that get a position embedding."});
    v.key("model.ln_pre", ln_pre, {.help = "Whether a LayerNorm stands before the first block."});
    v.key("model.ln_post", ln_post, {.help = "Last LayerNorm: none, of each token, or of the pooled one."});
    v.key("model.pool", pool, {.help = "Class token, mean of the patches, or mean of all tokens."});
    v.key("model.projection", projection, {.help = "Whether a matrix maps the pooled token to the feature."});
    v.key("model.attention_bias", attention_bias,
          {.help = "Biases of attention: of q, k, v and the output, of the output alone, none."});
    v.key("model.pixel_mean", pixel_mean,
          {.help = "Mean taken from each pixel, which lies in [0, 1]; one value, or one a channel.",
           .min = 0,
           .max = 1});
    v.key("model.pixel_sd", pixel_sd,
          {.help = "Divisor of each pixel after that; one value, or one a channel.", .min = 1e-3, .max = 10});
}

void ModelKeys::check(std::vector<std::string>& problems) const {
    const auto say = [&]<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
        problems.push_back(fmt::format(text, std::forward<Args>(args)...));
    };
    if (patch > 0 && image % patch != 0)
        say("'model.patch' {} does not divide 'model.image' {}", patch, image);
    if (heads > 0 && width % heads != 0)
        say("'model.heads' {} does not divide 'model.width' {}", heads, width);
    if (!projection && output != width)
        say("'model.output' {} is not 'model.width' {} (without a projection the feature is the pooled "
            "token)",
            output, width);
    if (!class_token && pool == Pool::class_token)
        say("'model.pool' is class, but there is none ('model.class_token' is false); use patches");
    const auto per_channel = [&](std::string_view key, const std::vector<double>& values) {
        if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != channels)
            say("'{}' has {} values for {} channels; give one value, or one a channel", key, values.size(),
                channels);
    };
    per_channel("model.pixel_mean", pixel_mean);
    per_channel("model.pixel_sd", pixel_sd);
}

}  // namespace vtvc
