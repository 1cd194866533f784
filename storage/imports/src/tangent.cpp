#include "tangent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {

struct Numbered {
    std::string prefix;
    std::size_t index = 0;
};

/// "model.params0.17" with list "params0" → {"model.", 17}
std::optional<Numbered> numbered(const std::string& name, const std::string& list) {
    const auto dot = name.rfind('.');
    if (dot == std::string::npos) return std::nullopt;
    const auto digits = std::string_view(name).substr(dot + 1);
    Numbered found;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found.index);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.size() > 6)
        return std::nullopt;
    const auto head = name.substr(0, dot);
    if (head == list) return found;
    if (!head.ends_with("." + list)) return std::nullopt;
    found.prefix = head.substr(0, head.size() - list.size());
    return found;
}

using Shape = std::vector<std::int64_t>;

/// open_clip's names for shapes in the order of its parameters; "" is a leftover of the text tower.
std::vector<std::string> named_by_order(const std::vector<Shape>& shapes, const std::string& where) {
    const auto conv =
        std::find_if(shapes.begin(), shapes.end(), [](const Shape& s) { return s.size() == 4; });
    const auto at = static_cast<std::size_t>(conv - shapes.begin());
    const auto refuse = [&](std::string_view why) {
        fail<StorageError>(
            "{}: a linearised model whose parameters are not in the order of open_clip's visual tower ({}); "
            "only that order can be named",
            where, why);
    };
    if (conv == shapes.end()) refuse("no patch convolution among them");
    if (at < 3) refuse("class embedding, position embedding and projection must come before the convolution");
    const auto width = (*conv)[0];
    std::vector<std::string> names(shapes.size());
    const auto give = [&](std::size_t index, std::string name, const Shape& shape) {
        if (index >= shapes.size() || shapes[index] != shape)
            refuse(fmt::format("number {} should be {} of shape {}, it has {}", index, name,
                               shape_text(shape),
                               index < shapes.size() ? shape_text(shapes[index]) : "none"));
        names[index] = "visual." + name;
    };
    give(at - 3, "class_embedding", {width});
    const auto& positions = shapes[at - 2];
    give(at - 2, "positional_embedding", {positions.empty() ? 0 : positions[0], width});
    const auto& proj = shapes[at - 1];
    give(at - 1, "proj", {width, proj.empty() ? 0 : proj.back()});
    names[at] = "visual.conv1.weight";
    give(at + 1, "ln_pre.weight", {width});
    give(at + 2, "ln_pre.bias", {width});
    std::size_t next = at + 3;
    const Shape fused{3 * width, width};
    for (std::size_t layer = 0; next + 12 <= shapes.size(); ++layer) {
        // Older versions register attention before its norm, newer ones the norm first.
        const bool attention_first = shapes[next] == fused;
        if (!attention_first && shapes[next + 2] != fused) break;
        const auto block = fmt::format("transformer.resblocks.{}.", layer);
        const auto pair = [&](const std::string& name, const Shape& weight, char separator = '.') {
            give(next++, fmt::format("{}{}{}weight", block, name, separator), weight);
            give(next++, fmt::format("{}{}{}bias", block, name, separator), {weight[0]});
        };
        const auto attention = [&] {
            pair("attn.in_proj", fused, '_');
            pair("attn.out_proj", {width, width});
        };
        const auto mlp = [&] {
            const auto hidden = shapes[next].empty() ? 0 : shapes[next][0];
            pair("mlp.c_fc", {hidden, width});
            pair("mlp.c_proj", {width, hidden});
        };
        if (attention_first) attention();
        pair("ln_1", {width});
        if (!attention_first) attention();
        if (attention_first) mlp();
        pair("ln_2", {width});
        if (!attention_first) mlp();
    }
    give(next, "ln_post.weight", {width});
    give(next + 1, "ln_post.bias", {width});
    return names;
}

}  // namespace

void name_tangent_tensors(const std::vector<ForeignTensor>& tensors, const MappingOptions& options,
                          const std::string& where, std::vector<std::string>& names,
                          std::vector<std::string>& reasons, std::vector<std::string>& notes) {
    const bool tuned = options.tangent == MappingOptions::Tangent::tuned;
    const std::string wanted = tuned ? "params" : "params0", other = tuned ? "params0" : "params";
    std::map<std::size_t, std::size_t> order;  // number → tensor
    std::string prefix;
    for (std::size_t t = 0; t < names.size(); ++t) {
        const auto found = numbered(names[t], wanted);
        if (!found) continue;
        order.emplace(found->index, t);
        prefix = found->prefix;
    }
    const bool both = std::any_of(names.begin(), names.end(),
                                  [&](const std::string& name) { return numbered(name, other).has_value(); });
    if (order.empty() || !both) return;  // a ParameterList of something else
    if (order.rbegin()->first + 1 != order.size())
        fail<StorageError>("{}: numbers are missing among '{}{}.{{i}}' ({} of {} there); was it cut?", where,
                           prefix, wanted, order.size(), order.rbegin()->first + 1);
    std::vector<Shape> shapes;
    for (const auto& [number, t] : order) shapes.push_back(tensors[t].shape);
    const auto given = named_by_order(shapes, where);
    for (const auto& [number, t] : order) {
        if (given[number].empty()) {
            names[t].clear();
            reasons[t] = "of the text tower";
        } else {
            names[t] = given[number];
        }
    }
    for (std::size_t t = 0; t < names.size(); ++t)
        if (numbered(names[t], other)) {
            names[t].clear();
            reasons[t] = tuned ? "θ0 of the linearised model" : "θ of the linearised model";
        }
    notes.emplace_back(
        "fine-tuned in the tangent space: its own forward is linear in the weights, ours is not");
}

}  // namespace vtvc
