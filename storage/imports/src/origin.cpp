#include "origin.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::array part_names{"whole", "query", "key", "value"};
constexpr std::array types{ForeignType::f16, ForeignType::bf16, ForeignType::f32, ForeignType::f64};

}  // namespace

Origin origin_of(const ForeignNetwork& network, const std::string& config) {
    Origin origin{network.mapping().layout, config, {}};
    for (const auto& piece : network.mapping().pieces)
        origin.tensors.push_back(
            {network.checkpoint().tensors()[piece.tensor], piece.block, piece.part, piece.orientation});
    return origin;
}

Origin own_origin(const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& blocks) {
    Origin origin{"vtvc", "", {}};
    for (const auto& [name, shape] : blocks)
        origin.tensors.push_back({{name, ForeignType::f32, shape}, name, Part::whole, Orientation::as_is});
    return origin;
}

std::string to_json(const Origin& origin) {
    Json tensors = Json::array();
    for (const auto& item : origin.tensors) {
        Json entry{{"name", item.tensor.name},
                   {"type", std::string(name_of(item.tensor.type))},
                   {"shape", item.tensor.shape},
                   {"block", item.block}};
        if (item.part != Part::whole) entry["part"] = part_names.at(static_cast<std::size_t>(item.part));
        if (item.orientation == Orientation::transposed) entry["transposed"] = true;
        tensors.push_back(std::move(entry));
    }
    Json json{{"layout", origin.layout}, {"tensors", std::move(tensors)}};
    if (!origin.config.empty()) json["config"] = origin.config;
    return json.dump();
}

Origin origin_from_json(const std::string& text, const std::string& where) {
    try {
        const auto json = Json::parse(text);
        Origin origin{json.at("layout").get<std::string>(), json.value("config", ""), {}};
        if (const auto fault = fault_text(check_json(origin.config));
            !origin.config.empty() && !fault.empty())
            fail<StorageError>("{}: the configuration that its weights came with {}", where, fault);
        for (const auto& entry : json.at("tensors")) {
            OriginTensor item;
            item.tensor.name = entry.at("name").get<std::string>();
            entry.at("shape").get_to(item.tensor.shape);
            item.block = entry.at("block").get<std::string>();
            const auto type = entry.at("type").get<std::string>();
            const auto known =
                std::find_if(types.begin(), types.end(), [&](ForeignType t) { return name_of(t) == type; });
            if (known == types.end())
                fail<StorageError>("{}: the origin of its weights names a type '{}' that weights do not have",
                                   where, type);
            item.tensor.type = *known;
            const auto part = entry.value("part", "whole");
            const auto at = std::find(part_names.begin(), part_names.end(), part);
            if (at == part_names.end())
                fail<StorageError>("{}: the origin of its weights names a part '{}'", where, part);
            item.part = static_cast<Part>(at - part_names.begin());
            if (entry.value("transposed", false)) item.orientation = Orientation::transposed;
            constexpr std::int64_t most = std::int64_t{1} << 40;
            std::int64_t numbers = 1;
            for (const auto size : item.tensor.shape)
                numbers = size < 1 || size > most / numbers ? most + 1 : numbers * size;
            if (numbers > most || item.tensor.shape.size() > 8 ||
                (item.orientation == Orientation::transposed && item.tensor.shape.size() != 2))
                fail<StorageError>("{}: the origin of its weights gives '{}' the shape {}", where,
                                   item.tensor.name, shape_text(item.tensor.shape));
            origin.tensors.push_back(std::move(item));
        }
        return origin;
    } catch (const nlohmann::json::exception& error) {
        fail<StorageError>("{}: what it says of its origin cannot be read ({})", where, error.what());
    }
}

}  // namespace vtvc
