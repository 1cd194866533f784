#pragma once
// A Vision Transformer of CLIP's exact structure (pre-norm, class token, ln_pre, ln_post, projection),
// written against composed operations. Block names are open_clip's, so that real CLIP weights fit:
// conv1.weight, class_embedding, positional_embedding, ln_pre.{weight,bias},
// transformer.resblocks.{i}.{ln_1,ln_2}.{weight,bias}, .attn.{in_proj_weight,in_proj_bias},
// .attn.out_proj.{weight,bias}, .mlp.{c_fc,c_proj}.{weight,bias}, ln_post.{weight,bias}, proj.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "vtvc/composition/weights.hpp"
#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

class Vit {
  public:
    explicit Vit(ModelKeys keys);
    const ModelKeys& keys() const { return keys_; }
    /// Names and shapes in the order of block ids. 8 + 12 · depth blocks.
    const std::vector<Block>& blocks() const { return blocks_; }
    /// images [B, C, H, W], normalised. → features [B, output]
    at::Tensor forward(const at::Tensor& images, Weights& weights) const;
    /// CLIP's initialisation, from Philox streams of the seed: the same on every rank and machine.
    std::vector<at::Tensor> initialise(std::uint64_t seed) const;

  private:
    struct Layer {
        std::int64_t ln_1, in_proj, out_proj, ln_2, c_fc, c_proj;  // the weight; its bias is the next id
    };
    ModelKeys keys_;
    std::vector<Block> blocks_;
    std::int64_t conv1_, class_embedding_, positional_, ln_pre_, ln_post_, proj_;
    std::vector<Layer> layers_;
};

/// JSON text of the configuration, as kept in model and bank files, and back.
std::string model_meta(const ModelKeys& keys);
ModelKeys model_keys(const std::string& meta);

}  // namespace vtvc
