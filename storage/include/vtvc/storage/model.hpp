#pragma once
// What model and bank files say about a network, without torch: its keys as JSON, and its blocks. Block names
// are open_clip's, so that real CLIP weights fit.
#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/core/model_keys.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

/// JSON text of the keys, as kept in model and bank files ("model"), and back. Files of before a key was
/// there mean its default; pixel_mean and pixel_sd may be a number or a list. StorageError for text that is
/// not such a configuration.
std::string model_meta(const ModelKeys& keys);
ModelKeys model_keys(const std::string& meta);

/// Names and shapes in the network's order, which is that of block ids:
/// conv1.weight [W, C, p, p], conv1.bias?, class_embedding? [W], positional_embedding [tokens with one, W],
/// ln_pre.{weight,bias}?, for each layer i transformer.resblocks.{i}. with ln_1.{weight,bias},
/// attn.in_proj_weight [3W, W], attn.in_proj_bias?, attn.out_proj.{weight,bias?}, ln_2.{weight,bias},
/// mlp.c_fc.{weight [M, W],bias}, mlp.c_proj.{weight [W, M],bias}, then ln_post.{weight,bias}? and
/// proj? [W, output]. 152 blocks for CLIP's ViT-B, 296 for ViT-L/14. ConfigError names keys that contradict
/// each other.
std::vector<Block> model_blocks(const ModelKeys& keys);

}  // namespace vtvc
