// The list of layouts, and how their patterns match.
#include <algorithm>
#include <array>
#include <cctype>

#include "layout.hpp"

namespace vtvc {

std::span<const Layout> layouts() {
    static const std::array all{open_clip_layout,     hugging_face_layout,  timm_layout,
                                torch_encoder_layout, attention_mlp_layout, attention_ffn_layout};
    return all;
}

std::optional<Match> match(std::string_view pattern, std::string_view name) {
    const bool open_end = pattern.ends_with('*'), parameter = pattern.ends_with('.');
    if (open_end) pattern.remove_suffix(1);
    Match found;
    const auto hole = pattern.find("{i}");
    if (hole != std::string_view::npos) {
        if (!name.starts_with(pattern.substr(0, hole))) return std::nullopt;
        name.remove_prefix(hole);
        pattern.remove_prefix(hole + 3);
        while (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
            found.number += name[0];
            name.remove_prefix(1);
        }
        // More digits are no layer, and "01" would stand for the same layer as "1".
        if (found.number.empty() || found.number.size() > 6 ||
            (found.number.size() > 1 && found.number[0] == '0'))
            return std::nullopt;
    }
    if (!open_end && !parameter) return name == pattern ? std::optional(found) : std::nullopt;
    if (!name.starts_with(pattern)) return std::nullopt;
    if (!parameter) return found;
    found.parameter = name.substr(pattern.size());
    if (found.parameter != "weight" && found.parameter != "bias") return std::nullopt;
    return found;
}

std::string filled(std::string_view pattern, const Match& found) {
    std::string text(pattern);
    if (const auto hole = text.find("{i}"); hole != std::string::npos) text.replace(hole, 3, found.number);
    return text + found.parameter;
}

}  // namespace vtvc
