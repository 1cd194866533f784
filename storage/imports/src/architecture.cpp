#include "vtvc/imports/architecture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vtvc/core/error.hpp"
#include "vtvc/storage/model.hpp"

namespace vtvc {

namespace {

/// The whole square root; 0 where there is none.
std::int64_t whole_root(std::int64_t value) {
    const auto root = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(value))));
    return root * root == value ? root : 0;
}

class Sizes {
  public:
    explicit Sizes(const ForeignNetwork& network) : network_(network) {}

    ModelKeys keys() {
        ModelKeys keys;
        patches(keys);
        tokens(keys);
        layers(keys);
        keys.ln_pre = network_.has("ln_pre.weight");
        keys.ln_post = !network_.has("ln_post.weight") ? FinalNorm::none
                       : pooled_norm()                 ? FinalNorm::pooled
                                                       : FinalNorm::tokens;
        keys.projection = network_.has("proj");
        keys.output = keys.projection ? shape("proj", 2)[1] : keys.width;
        return keys;
    }

  private:
    std::vector<std::int64_t> shape(const std::string& block, std::size_t dimensions) const {
        if (!network_.has(block))
            fail<StorageError>(
                "{}: has no tensor for block '{}' (every vision transformer of layout '{}' has one); is it "
                "cut?",
                network_.path(), block, network_.mapping().layout);
        auto found = network_.shape(block);
        if (found.size() != dimensions)
            fail<StorageError>("{}: {} should have {} dimensions as block '{}'", network_.path(),
                               network_.describe(block), dimensions, block);
        return found;
    }

    void patches(ModelKeys& keys) const {
        const auto found =
            network_.has("conv1.weight") ? network_.shape("conv1.weight") : shape("conv1.weight", 4);
        if (found.size() == 2) {  // a linear layer over the pixels of a patch
            keys.width = found[0];
            for (const std::int64_t channels : {1, 3})
                if (found[1] % channels == 0 && whole_root(found[1] / channels) > 0) {
                    keys.channels = channels;
                    keys.patch = whole_root(found[1] / channels);
                    if (channels > 1)
                        fail<StorageError>(
                            "{}: {} takes the {} pixels of a patch in an order that its shape does not say; "
                            "save it as a convolution [{}, {}, {}, {}]",
                            network_.path(), network_.describe("conv1.weight"), found[1], keys.width,
                            channels, keys.patch, keys.patch);
                    return;
                }
        }
        if (found.size() != 4 || found[2] != found[3])
            fail<StorageError>("{}: {} is no convolution over square patches [width, channels, p, p]",
                               network_.path(), network_.describe("conv1.weight"));
        keys.width = found[0];
        keys.channels = found[1];
        keys.patch = found[2];
        keys.patch_bias = network_.has("conv1.bias");
    }

    void tokens(ModelKeys& keys) const {
        keys.patch_bias = network_.has("conv1.bias");
        keys.class_token = network_.has("class_embedding");
        keys.pool = keys.class_token ? Pool::class_token : Pool::patches;
        const auto rows = shape("positional_embedding", 2)[0];
        auto grid = keys.class_token ? whole_root(rows - 1) : whole_root(rows);
        keys.positions = Positions::all;
        if (grid == 0 && keys.class_token) {
            grid = whole_root(rows);
            keys.positions = Positions::patches;
        }
        if (grid == 0)
            fail<StorageError>(
                "{}: {} has {} positions, no square of patches{}; only square images are supported",
                network_.path(), network_.describe("positional_embedding"), rows,
                keys.class_token ? " with or without a class token" : "");
        keys.image = grid * keys.patch;
    }

    void layers(ModelKeys& keys) const {
        keys.depth = 0;
        while (network_.has(fmt::format("transformer.resblocks.{}.mlp.c_fc.weight", keys.depth)))
            ++keys.depth;
        if (keys.depth == 0) (void)shape("transformer.resblocks.0.mlp.c_fc.weight", 2);
        keys.mlp = shape("transformer.resblocks.0.mlp.c_fc.weight", 2)[0];
        keys.attention_bias = network_.has("transformer.resblocks.0.attn.in_proj_bias") ? AttentionBias::all
                              : network_.has("transformer.resblocks.0.attn.out_proj.bias")
                                  ? AttentionBias::output
                                  : AttentionBias::none;
    }

    /// timm calls a norm behind the pooling fc_norm.
    bool pooled_norm() const {
        for (const auto& piece : network_.mapping().pieces)
            if (network_.checkpoint().tensors()[piece.tensor].name.ends_with("fc_norm.weight")) return true;
        return false;
    }

    const ForeignNetwork& network_;
};

/// Every block of the architecture with its shape, and none beside.
void check_blocks(const ForeignNetwork& network, const ModelKeys& keys) {
    auto left = network.blocks();
    for (const auto& block : model_blocks(keys)) {
        if (!network.has(block.name))
            fail<StorageError>(
                "{}: lacks the tensor for block '{}' of shape {} (its other tensors are of a network with {} "
                "layers of width {}); was the file cut, or does it hold a part only?",
                network.path(), block.name, shape_text(block.shape), keys.depth, keys.width);
        const bool linear_patches =
            block.name == "conv1.weight" && network.shape(block.name).size() == 2;  // same order of numbers
        if (network.shape(block.name) != block.shape && !linear_patches)
            fail<StorageError>("{}: {} should have shape {} as block '{}' of its network", network.path(),
                               network.describe(block.name), shape_text(block.shape), block.name);
        std::erase(left, block.name);
    }
    if (!left.empty())
        fail<StorageError>("{}: {} belongs to block '{}', which a network of its other tensors does not have",
                           network.path(), network.describe(left.front()), left.front());
}

/// Layouts whose code is known say what others leave open.
bool pre_norm_by_layout(const std::string& layout) {
    return layout == "open_clip" || layout == "Hugging Face CLIP" || layout == "timm";
}

[[noreturn]] void ask_for(const ForeignNetwork& network, std::string_view what, std::string_view option) {
    fail<ConfigError>(
        "{}: neither its tensors nor a configuration beside it say {} (a wrong guess gives a network that "
        "runs "
        "and is useless); give {}",
        network.path(), what, option);
}

}  // namespace

ModelKeys recognise_sizes(const ForeignNetwork& network) {
    auto keys = Sizes(network).keys();
    keys.heads = 1;
    check_blocks(network, keys);
    keys.heads = 0;
    return keys;
}

ModelKeys recognise_architecture(const ForeignNetwork& network, const ArchitectureHints& hints) {
    auto keys = recognise_sizes(network);
    if (!hints.heads) ask_for(network, "how many attention heads there are", "--heads N");
    keys.heads = *hints.heads;
    if (!hints.activation)
        ask_for(network, "the activation of its MLPs", "--activation quick_gelu|gelu|gelu_tanh|relu");
    keys.activation = *hints.activation;
    if (!hints.norm && !pre_norm_by_layout(network.mapping().layout))
        ask_for(network, "where its layer norms stand", "--norm pre|post");
    keys.norm = hints.norm.value_or(NormPlace::pre);
    keys.norm_eps = hints.norm_eps.value_or(network.mapping().layout == "timm" ? 1e-6 : 1e-5);
    if (hints.pixel_mean.empty() || hints.pixel_sd.empty())
        ask_for(network, "how pixels are normalised", "--pixel-mean and --pixel-sd");
    keys.pixel_mean = hints.pixel_mean;
    keys.pixel_sd = hints.pixel_sd;
    if (hints.pool) keys.pool = *hints.pool;
    if (hints.final_norm && keys.ln_post != FinalNorm::none) keys.ln_post = *hints.final_norm;
    std::vector<std::string> problems;
    keys.check(problems);
    if (!problems.empty()) fail<ConfigError>("{}: {}", network.path(), problems.front());
    check_blocks(network, keys);
    return keys;
}

}  // namespace vtvc
