#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <string_view>

#include "vtvc/storage/bank.hpp"

namespace vtvc {

namespace {

/// The N of "resblocks.N": the first part of a dotted name that is a number.
std::optional<std::int64_t> layer_number(std::string_view name) {
    while (!name.empty()) {
        const auto part = name.substr(0, name.find('.'));
        if (!part.empty() && part.size() < 10 &&
            std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
            return std::stoll(std::string(part));
        name.remove_prefix(std::min(name.size(), part.size() + 1));
    }
    return std::nullopt;
}

std::string_view without_suffix(std::string_view name) {
    for (const std::string_view suffix : {".weight", ".bias", "_weight", "_bias"})
        if (name.size() > suffix.size() && name.ends_with(suffix))
            return name.substr(0, name.size() - suffix.size());
    return name;
}

/// Which layer each block is of, counted densely: 0 the embedding, then the numbered ones, then the output. A
/// block without a number is told by its name where CLIP gives it one, else by its place before or after the
/// first numbered block (a bank may list its blocks by name, where ln_post comes before transformer).
struct Layers {
    std::vector<std::int64_t> of;
    std::vector<std::string> names;
};
Layers layers_of(const std::vector<Block>& blocks) {
    constexpr std::int64_t first = -1, last = std::int64_t{1} << 40;
    std::vector<std::int64_t> rank;
    bool numbered = false;
    for (const auto& block : blocks) {
        const auto module = without_suffix(block.name);
        if (const auto number = layer_number(block.name)) {
            numbered = true;
            rank.push_back(*number);
        } else if (module == "ln_post" || module == "proj") {
            rank.push_back(last);
        } else if (module == "conv1" || module == "class_embedding" || module == "positional_embedding" ||
                   module == "ln_pre") {
            rank.push_back(first);
        } else {
            rank.push_back(numbered ? last : first);
        }
    }
    std::map<std::int64_t, std::int64_t> dense;
    for (const auto r : rank) dense.emplace(r, 0);
    Layers layers;
    for (auto& [r, index] : dense) {
        index = static_cast<std::int64_t>(layers.names.size());
        layers.names.push_back(r == first ? "embedding" : r == last ? "output" : "layer" + std::to_string(r));
    }
    for (const auto r : rank) layers.of.push_back(dense.at(r));
    return layers;
}

}  // namespace

PartitionMap partition_blocks(Partition how, const std::vector<Block>& blocks) {
    const auto layers = layers_of(blocks);
    PartitionMap map;
    map.layers =
        how == Partition::model ? (blocks.empty() ? 0 : 1) : static_cast<std::int64_t>(layers.names.size());
    std::map<std::string, std::int64_t, std::less<>> known;
    const auto assign = [&](std::string_view name, std::int64_t layer) {
        const auto [at, is_new] = known.emplace(name, map.count());
        if (is_new) {
            map.names.emplace_back(name);
            map.layer.push_back(layer);
        }
        map.index.push_back(at->second);
    };
    if (how == Partition::layer)  // in the order of depth, whatever the order of the blocks
        for (std::size_t i = 0; i < layers.names.size(); ++i) {
            known.emplace(layers.names[i], static_cast<std::int64_t>(i));
            map.names.push_back(layers.names[i]);
            map.layer.push_back(static_cast<std::int64_t>(i));
        }
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        switch (how) {
            case Partition::tensor:
                assign(blocks[j].name, layers.of[j]);
                break;
            case Partition::module:
                assign(without_suffix(blocks[j].name), layers.of[j]);
                break;
            case Partition::layer:
                assign(layers.names[static_cast<std::size_t>(layers.of[j])], layers.of[j]);
                break;
            case Partition::model:
                assign("model", 0);
                break;
        }
    }
    return map;
}

}  // namespace vtvc
