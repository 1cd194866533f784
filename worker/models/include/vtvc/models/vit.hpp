#pragma once
// A Vision Transformer, written once against composed operations. Its structure is what its keys say: CLIP's
// by default, and with others timm's, torch.nn.TransformerEncoder's and those of plain classifiers. Blocks
// and their names: storage/model.hpp.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "vtvc/composition/weights.hpp"
#include "vtvc/storage/model.hpp"

namespace vtvc {

class Vit {
  public:
    explicit Vit(ModelKeys keys);
    const ModelKeys& keys() const { return keys_; }
    /// Names and shapes in the order of block ids.
    const std::vector<Block>& blocks() const { return blocks_; }
    /// images [B, C, H, W], normalised. → features [B, output]
    at::Tensor forward(const at::Tensor& images, Weights& weights) const;
    /// CLIP's initialisation, from Philox streams of the seed: the same on every rank and machine.
    std::vector<at::Tensor> initialise(std::uint64_t seed) const;

  private:
    /// Block ids; −1 where the structure has no such block.
    struct Pair {
        std::int64_t weight = -1, bias = -1;
    };
    struct Layer {
        Pair ln_1, in_proj, out_proj, ln_2, c_fc, c_proj;
    };
    Pair pair(const std::string& weight, const std::string& bias) const;
    at::Tensor embed(const at::Tensor& images, Weights& weights) const;
    at::Tensor run_layer(const at::Tensor& x, const Layer& layer, std::int64_t queries,
                         Weights& weights) const;

    ModelKeys keys_;
    std::vector<Block> blocks_;
    Pair conv1_, ln_pre_, ln_post_;
    std::int64_t class_embedding_, positional_, proj_;
    std::vector<Layer> layers_;
};

}  // namespace vtvc
