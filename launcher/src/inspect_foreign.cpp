#include "inspect_foreign.hpp"

#include <filesystem>

#include "import_options.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {
namespace {

/// Sizes and structure, and of the rest what a configuration beside the weights says.
Json architecture_of(const ForeignNetwork& network) {
    const auto keys = recognise_sizes(network);
    Json about{{"layers", keys.depth},
               {"width", keys.width},
               {"mlp", keys.mlp},
               {"image", keys.image},
               {"patch", keys.patch},
               {"channels", keys.channels},
               {"features", keys.output},
               {"class_token", keys.class_token},
               {"projection", keys.projection}};
    const auto hints = read_hints(network.path());
    if (hints.heads) about["heads"] = *hints.heads;
    if (hints.activation) about["activation"] = name_of(*hints.activation);
    return about;
}

/// What PEFT says beside an adapter; null where there is no adapter.
Json adapter_of(const std::filesystem::path& path) {
    const auto folder = std::filesystem::is_directory(path) ? path : path.parent_path();
    if (!std::filesystem::exists(folder / "adapter_config.json")) return {};
    const auto config = Json::parse(read_text(folder / "adapter_config.json"), nullptr, false);
    if (!config.is_object()) return {};
    Json about = Json::object();
    for (const char* key : {"peft_type", "r", "lora_alpha", "use_rslora", "fan_in_fan_out", "target_modules",
                            "base_model_name_or_path"})
        if (config.contains(key) && !config[key].is_null()) about[key] = config[key];
    return about;
}

Json grouped(const std::vector<Skipped>& skipped) {
    Json reasons = Json::object();
    for (const auto& item : skipped) reasons[item.reason].push_back(item.name);
    return reasons;
}

}  // namespace

Json describe_foreign(const std::string& path) {
    const auto checkpoint = ForeignCheckpoint::open(path);
    Json tensors = Json::object(), notes = Json::object();
    std::int64_t elements = 0;
    std::uintmax_t bytes = 0;
    for (const auto& tensor : checkpoint.tensors()) {
        elements += tensor.elements();
        bytes += static_cast<std::uintmax_t>(tensor.elements()) * size_of(tensor.type);
        tensors[tensor.name] = fmt::format("{} {}", name_of(tensor.type), shape_text(tensor.shape));
    }
    for (const auto& [name, text] : checkpoint.notes()) notes[name] = text;
    Json about{
        {"path", path}, {"kind", "foreign checkpoint"}, {"format", checkpoint.layout()}, {"bytes", bytes}};
    if (auto adapter = adapter_of(path); !adapter.is_null()) {
        about["adapter"] = std::move(adapter);
        about["elements"] = elements;
        about["tensors"] = std::move(tensors);
        return about;
    }
    try {
        const auto network = ForeignNetwork::open(path, {});
        const auto report = describe_network(network);
        about["layout"] = report.layout;
        if (!report.prefix.empty()) about["prefix"] = report.prefix;
        about["architecture"] = architecture_of(network);
        about["blocks"] = network.blocks().size();
        about["parameters"] = report.parameters;
        if (!report.skipped.empty()) about["skipped"] = grouped(report.skipped);
        if (!report.notes.empty()) about["notes"] = report.notes;
    } catch (const Error& error) {
        about["network"] = std::string("none that can be imported: ") + error.what();
    }
    about["elements"] = elements;
    about["tensors"] = std::move(tensors);
    if (!notes.empty()) about["beside"] = std::move(notes);
    return about;
}

}  // namespace vtvc
