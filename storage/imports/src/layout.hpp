#pragma once
// A layout: how one family of projects names the tensors of a vision transformer. Patterns hold {i} for a
// layer's number; one that ends in a dot stands for its weight and its bias; a skip pattern may end in * for
// anything. A leading ^ means: beside the network, not in it (its prefix without the last part: "model." for
// "model.visual.").
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vtvc/imports/mapping.hpp"

namespace vtvc {

struct Rule {
    std::string_view from, to;
    Part part = Part::whole;
    Orientation orientation = Orientation::as_is;
};
struct SkipRule {
    std::string_view pattern, reason;
};
struct Layout {
    std::string_view name;
    std::string_view anchor;  ///< a tensor that every network of this layout has
    std::span<const Rule> rules;
    std::span<const SkipRule> skips;
    std::string_view notes;  ///< what the names do not say; empty: nothing to add
};

/// All of them, the most specific first.
std::span<const Layout> layouts();
extern const Layout open_clip_layout, hugging_face_layout, timm_layout, torch_encoder_layout,
    attention_mlp_layout, attention_ffn_layout;

/// What a name has where a pattern is open.
struct Match {
    std::string number;     ///< {i}
    std::string parameter;  ///< weight or bias, behind a pattern that ends in a dot
};
std::optional<Match> match(std::string_view pattern, std::string_view name);
/// The pattern with what was found in the other.
std::string filled(std::string_view pattern, const Match& found);

}  // namespace vtvc
