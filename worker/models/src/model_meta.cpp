#include <algorithm>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {

std::string model_meta(const ModelKeys& keys) {
    const auto activation = EnumNames<Activation>::names[static_cast<std::size_t>(keys.activation)];
    return nlohmann::ordered_json{{"kind", "vit"},
                                  {"image", keys.image},
                                  {"channels", keys.channels},
                                  {"patch", keys.patch},
                                  {"width", keys.width},
                                  {"depth", keys.depth},
                                  {"heads", keys.heads},
                                  {"mlp", keys.mlp},
                                  {"output", keys.output},
                                  {"activation", std::string(activation)},
                                  {"pixel_mean", keys.pixel_mean},
                                  {"pixel_sd", keys.pixel_sd}}
        .dump();
}

ModelKeys model_keys(const std::string& meta) {
    try {
        const auto json = nlohmann::json::parse(meta);
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
        json.at("pixel_mean").get_to(keys.pixel_mean);
        json.at("pixel_sd").get_to(keys.pixel_sd);
        const auto name = json.at("activation").get<std::string>();
        const auto& names = EnumNames<Activation>::names;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end())
            fail<StorageError>("unknown activation '{}' in a model's configuration; it should be {}", name,
                               fmt::join(names, " or "));
        keys.activation = static_cast<Activation>(found - names.begin());
        return keys;
    } catch (const nlohmann::json::exception& error) {
        fail<StorageError>("a model's configuration cannot be read ({}); was the file written by vtvc?",
                           error.what());
    }
}

}  // namespace vtvc
