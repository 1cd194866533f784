#include "vtvc/storage/model.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "vtvc/core/error.hpp"
#include "vtvc/core/jobs.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;

template <class E>
void read_name(const Json& json, const char* key, E& value) {
    const auto found = json.find(key);
    if (found == json.end()) return;
    const auto name = found->get<std::string>();
    const auto& names = EnumNames<E>::names;
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
        fail<StorageError>("unknown {} '{}' in a model's configuration; it should be {}", key, name,
                           fmt::join(names, " or "));
    value = static_cast<E>(at - names.begin());
}

template <class T>
void read_if_there(const Json& json, const char* key, T& value) {
    if (const auto found = json.find(key); found != json.end()) found->get_to(value);
}

void read_channels(const Json& json, const char* key, std::vector<double>& values) {
    const Json& found = json.at(key);
    if (found.is_number()) {
        values = {found.get<double>()};
    } else {
        found.get_to(values);
    }
}

}  // namespace

std::string model_meta(const ModelKeys& keys) {
    return Json{{"kind", "vit"},
                {"image", keys.image},
                {"channels", keys.channels},
                {"patch", keys.patch},
                {"width", keys.width},
                {"depth", keys.depth},
                {"heads", keys.heads},
                {"mlp", keys.mlp},
                {"output", keys.output},
                {"activation", name_of(keys.activation)},
                {"norm", name_of(keys.norm)},
                {"norm_eps", keys.norm_eps},
                {"patch_bias", keys.patch_bias},
                {"class_token", keys.class_token},
                {"positions", name_of(keys.positions)},
                {"ln_pre", keys.ln_pre},
                {"ln_post", name_of(keys.ln_post)},
                {"pool", name_of(keys.pool)},
                {"projection", keys.projection},
                {"attention_bias", name_of(keys.attention_bias)},
                {"pixel_mean", keys.pixel_mean},
                {"pixel_sd", keys.pixel_sd}}
        .dump();
}

ModelKeys model_keys(const std::string& meta) {
    try {
        const auto json = Json::parse(meta);
        if (json.at("kind") != "vit")
            fail<StorageError>("a model of kind '{}' cannot be read (this program knows 'vit')",
                               json.at("kind").get<std::string>());
        ModelKeys keys;
        json.at("image").get_to(keys.image);
        json.at("channels").get_to(keys.channels);
        json.at("patch").get_to(keys.patch);
        json.at("width").get_to(keys.width);
        json.at("depth").get_to(keys.depth);
        json.at("heads").get_to(keys.heads);
        json.at("mlp").get_to(keys.mlp);
        json.at("output").get_to(keys.output);
        read_name(json, "activation", keys.activation);
        read_name(json, "norm", keys.norm);
        read_if_there(json, "norm_eps", keys.norm_eps);
        read_if_there(json, "patch_bias", keys.patch_bias);
        read_if_there(json, "class_token", keys.class_token);
        read_name(json, "positions", keys.positions);
        read_if_there(json, "ln_pre", keys.ln_pre);
        read_name(json, "ln_post", keys.ln_post);
        read_name(json, "pool", keys.pool);
        read_if_there(json, "projection", keys.projection);
        read_name(json, "attention_bias", keys.attention_bias);
        read_channels(json, "pixel_mean", keys.pixel_mean);
        read_channels(json, "pixel_sd", keys.pixel_sd);
        return keys;
    } catch (const nlohmann::json::exception& error) {
        fail<StorageError>("a model's configuration cannot be read ({}); was the file written by vtvc?",
                           error.what());
    }
}

std::vector<Block> model_blocks(const ModelKeys& keys) {
    // A bound keeps products of sizes, which a file may state, far from overflow, and their list short.
    constexpr std::int64_t most_of_any = 1 << 20, most_layers = 4096;
    for (const auto& [name, value, most] :
         {std::tuple{"image", keys.image, most_of_any}, std::tuple{"channels", keys.channels, most_of_any},
          std::tuple{"patch", keys.patch, most_of_any}, std::tuple{"width", keys.width, most_of_any},
          std::tuple{"depth", keys.depth, most_layers}, std::tuple{"heads", keys.heads, most_of_any},
          std::tuple{"mlp", keys.mlp, most_of_any}, std::tuple{"output", keys.output, most_of_any}})
        if (value < 1 || value > most)
            fail<ConfigError>("'model.{}' is {} (a network needs 1 at least, and {} is the most read)", name,
                              value, most);
    std::vector<std::string> problems;
    keys.check(problems);
    if (!problems.empty()) throw ConfigError(problems.front());

    std::vector<Block> blocks;
    const auto add = [&blocks](std::string name, std::vector<std::int64_t> shape) {
        blocks.push_back({std::move(name), std::move(shape)});
    };
    const auto norm = [&](const std::string& name) {
        add(name + ".weight", {keys.width});
        add(name + ".bias", {keys.width});
    };
    const std::int64_t width = keys.width;
    add("conv1.weight", {width, keys.channels, keys.patch, keys.patch});
    if (keys.patch_bias) add("conv1.bias", {width});
    if (keys.class_token) add("class_embedding", {width});
    add("positional_embedding",
        {keys.positions == Positions::patches ? keys.patches() : keys.tokens(), width});
    if (keys.ln_pre) norm("ln_pre");
    for (std::int64_t i = 0; i < keys.depth; ++i) {
        const std::string layer = fmt::format("transformer.resblocks.{}.", i);
        norm(layer + "ln_1");
        add(layer + "attn.in_proj_weight", {3 * width, width});
        if (keys.attention_bias == AttentionBias::all) add(layer + "attn.in_proj_bias", {3 * width});
        add(layer + "attn.out_proj.weight", {width, width});
        if (keys.attention_bias != AttentionBias::none) add(layer + "attn.out_proj.bias", {width});
        norm(layer + "ln_2");
        add(layer + "mlp.c_fc.weight", {keys.mlp, width});
        add(layer + "mlp.c_fc.bias", {keys.mlp});
        add(layer + "mlp.c_proj.weight", {width, keys.mlp});
        add(layer + "mlp.c_proj.bias", {width});
    }
    if (keys.ln_post != FinalNorm::none) norm("ln_post");
    if (keys.projection) add("proj", {width, keys.output});
    return blocks;
}

}  // namespace vtvc
