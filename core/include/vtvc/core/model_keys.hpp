#pragma once
// What a Vision Transformer looks like: [model] of a job file, "model" of model and bank files. The defaults
// of its structure are CLIP's; the other values are those of timm, of torch.nn.TransformerEncoder and of
// plain classifiers built on it.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/schema.hpp"

namespace vtvc {

enum class Activation { quick_gelu, gelu, gelu_tanh, relu };
/// Where the LayerNorms of a transformer block stand: before attention and MLP, or after their sums.
enum class NormPlace { pre, post };
/// What the features are read from: the class token; the mean of the patches; the mean of all tokens.
enum class Pool { class_token, patches, tokens };
/// The last LayerNorm: none, over each token before pooling, or over what pooling gives.
enum class FinalNorm { none, tokens, pooled };
/// Which tokens get a position embedding: all, or the patches only (a class token is added after it).
enum class Positions { all, patches };
/// Which products of an attention have a bias: q, k, v and the output; the output alone; none.
enum class AttentionBias { all, output, none };

template <>
struct EnumNames<Activation> {
    static constexpr std::array<std::string_view, 4> names{"quick_gelu", "gelu", "gelu_tanh", "relu"};
};
template <>
struct EnumNames<NormPlace> {
    static constexpr std::array<std::string_view, 2> names{"pre", "post"};
};
template <>
struct EnumNames<Pool> {
    static constexpr std::array<std::string_view, 3> names{"class", "patches", "tokens"};
};
template <>
struct EnumNames<FinalNorm> {
    static constexpr std::array<std::string_view, 3> names{"none", "tokens", "pooled"};
};
template <>
struct EnumNames<Positions> {
    static constexpr std::array<std::string_view, 2> names{"all", "patches"};
};
template <>
struct EnumNames<AttentionBias> {
    static constexpr std::array<std::string_view, 3> names{"all", "output", "none"};
};

struct ModelKeys {
    std::int64_t image = 28, channels = 1, patch = 7, width = 64, depth = 4, heads = 4, mlp = 128,
                 output = 64;
    Activation activation = Activation::quick_gelu;
    NormPlace norm = NormPlace::pre;
    double norm_eps = 1e-5;
    bool patch_bias = false;
    bool class_token = true;
    Positions positions = Positions::all;
    bool ln_pre = true;
    FinalNorm ln_post = FinalNorm::tokens;
    Pool pool = Pool::class_token;
    bool projection = true;  ///< without it the features have the model's width, and output says so
    AttentionBias attention_bias = AttentionBias::all;
    std::vector<double> pixel_mean{.25},
        pixel_sd{.35};  ///< x ← (x/255 − mean)/sd; one value: of all channels

    void describe(Visitor& v);
    /// Problems that no single key shows, keys by their full names ("'model.patch' 7 does not divide …").
    void check(std::vector<std::string>& problems) const;
    std::int64_t patches() const { return (image / patch) * (image / patch); }
    std::int64_t tokens() const { return patches() + (class_token ? 1 : 0); }
};

}  // namespace vtvc
