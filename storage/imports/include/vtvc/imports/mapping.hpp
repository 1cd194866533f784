#pragma once
// From the names of other projects to ours. A checkpoint's tensors are unwrapped (prefixes of training
// programs), recognised by one of the layouts (layouts.cpp lists them, one small table a file) and assigned
// to canonical blocks: open_clip's names of the visual tower, q, k and v fused (bank.hpp, docs/formats.md).
// Nothing is dropped silently: every tensor becomes a piece of a block or is listed with the rule that skips
// it.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/imports/name_map.hpp"

namespace vtvc {

/// Which rows of a block a tensor fills: query, key and value are thirds of a fused in_proj.
enum class Part { whole, query, key, value };
/// How its numbers lie in the block: as they are (embeddings without the leading dimensions of 1 that stand
/// for a batch), or transposed (two dimensions).
enum class Orientation { as_is, transposed };

struct Piece {
    std::size_t tensor = 0;  ///< index in the checkpoint
    std::string block;       ///< canonical name
    Part part = Part::whole;
    Orientation orientation = Orientation::as_is;
};

struct Skipped {
    std::string name, reason;
};

struct Mapping {
    std::string layout;              ///< "open_clip", "Hugging Face CLIP", …
    std::string prefix;              ///< what was unwrapped, "state_dict.model.visual."; may be empty
    std::vector<Piece> pieces;       ///< by block, then part
    std::vector<Skipped> skipped;    ///< in the order of the checkpoint
    std::vector<std::string> notes;  ///< what a reader should know, in sentences
};

struct MappingOptions {
    std::string prefix;  ///< of the network inside the checkpoint; empty: found
    NameMap map;         ///< the user's renames, applied first
    /// Which half of a linearised model: its weights after training (params) or before (params0).
    enum class Tangent { tuned, base } tangent = Tangent::tuned;
};

/// where: the file's name, for messages. StorageError when no layout fits, when two networks are in the file,
/// when a tensor is neither part of the network nor skipped by a rule, or when two fill the same rows.
Mapping map_names(const std::vector<ForeignTensor>& tensors, const MappingOptions& options,
                  const std::string& where);

/// The canonical place of one tensor that belongs to a weight of the network, for adapters, which name the
/// modules they change: "base_model.model.vision_model.encoder.layers.0.self_attn.q_proj.weight".
struct Target {
    std::string block;
    Part part = Part::whole;
    Orientation orientation = Orientation::as_is;
};
/// In the order of names. StorageError names the first that no layout knows.
std::vector<Target> map_targets(const std::vector<std::string>& names, const MappingOptions& options,
                                const std::string& where);

/// "[2, 3]"
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace vtvc
