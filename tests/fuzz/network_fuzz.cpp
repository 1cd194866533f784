// Checkpoints of any names, shapes, types and numbers, with a configuration beside them: recognised,
// described and read as a network.
#include "layout.hpp"
#include "origin.hpp"
#include "own_samples.hpp"
#include "requests.hpp"
#include "vtvc/imports/architecture.hpp"
#include "vtvc/imports/import.hpp"
#include "vtvc/storage/model.hpp"
#include "weights_file.hpp"

namespace vtvc::fuzz {
namespace {

/// A network of this layout, as small as can be.
std::vector<Weight> weights_of(const Layout& layout, const std::string& prefix) {
    std::vector<Weight> weights;
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& block : model_blocks(Samples::only().keys())) shapes[block.name] = block.shape;
    std::map<std::string, Part> filled_by;
    const auto add = [&](const Rule& rule, const Match& hole) {
        const auto block = filled(rule.to, hole);
        const auto known = shapes.find(block);
        if (rule.from.starts_with('^') || known == shapes.end()) return;
        const auto [before, is_new] = filled_by.emplace(block, rule.part);
        if (!is_new &&
            (rule.part == Part::whole || before->second == Part::whole || before->second >= rule.part))
            return;
        before->second = rule.part;
        auto shape = known->second;
        if (rule.part != Part::whole) shape[0] /= 3;
        if (rule.orientation == Orientation::transposed) std::reverse(shape.begin(), shape.end());
        weights.push_back({prefix + filled(rule.from, hole), shape});
    };
    for (const auto& rule : layout.rules) {
        if (!rule.from.ends_with('.'))
            add(rule, {"0", ""});
        else
            for (const char* parameter : {"weight", "bias"}) add(rule, {"0", parameter});
    }
    return weights;
}

/// A linearised model's numbered parameters, in the order of open_clip's visual tower.
std::vector<Weight> tangent_weights() {
    auto blocks = model_blocks(Samples::only().keys());
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& block : blocks) shapes[block.name] = block.shape;
    std::vector<std::string> order{"class_embedding", "positional_embedding", "proj", "conv1.weight"};
    for (const auto& block : blocks)
        if (std::find(order.begin(), order.end(), block.name) == order.end()) order.push_back(block.name);
    std::vector<Weight> weights;
    for (const auto* list : {"params.", "params0."})
        for (std::size_t i = 0; i < order.size(); ++i)
            weights.push_back({list + std::to_string(i), shapes[order[i]]});
    return weights;
}

void write_seeds() {
    write_seeds_if_asked([](auto put) {
        const std::string config =
            R"({"model_type":"clip_vision_model","num_attention_heads":1,"hidden_act":"quick_gelu","layer_norm_eps":1e-5})";
        for (const auto& layout : layouts())
            for (const auto* prefix : {"", "state_dict.model.visual.", "model."}) {
                PieceWriter out;
                out.number(std::uint8_t{0}).text(*prefix == 'm' ? config : "");
                describe_weights(out, weights_of(layout, prefix));
                put(std::string(layout.name) + " " + prefix, out.bytes());
            }
        for (const std::uint8_t half : {0, 1}) {
            PieceWriter out;
            out.number(half).text("");
            describe_weights(out, tangent_weights());
            put("tangent" + std::to_string(half), out.bytes());
        }
    });
}

void import(Pieces pieces, const Scratch& scratch) {
    const auto flags = pieces.number();
    const auto config = pieces.text();
    if (config.empty())
        scratch.remove("config.json");
    else
        scratch.put("config.json", config);
    scratch.put("model.safetensors", weights_file(pieces));

    NetworkOptions options;
    if (flags % 2 == 1) options.mapping.tangent = MappingOptions::Tangent::base;
    if (flags % 4 >= 2) options.mapping.prefix = "model.";
    const auto network = ForeignNetwork::open(scratch / "model.safetensors", options.mapping);
    (void)describe_network(network);
    auto hints = read_hints(scratch / "model.safetensors");
    // What an import keeps of the configuration is what it read, not the bytes that lay there.
    const auto origin = to_json(origin_of(network, hints.config));
    if (to_json(origin_from_json(origin, "input")) != origin) std::abort();
    hints = merged(hints, openai_clip_hints(recognise_sizes(network).width));
    const auto keys = recognise_architecture(network, hints);
    for (const auto& block : model_blocks(keys)) {
        std::size_t elements = 1;
        for (const auto size : block.shape) elements *= static_cast<std::size_t>(size);
        if (network.read_hashed(block.name, block.shape).values.size() != elements) std::abort();
    }
}

}  // namespace
}  // namespace vtvc::fuzz

VTVC_FUZZ_REQUESTS(import);
