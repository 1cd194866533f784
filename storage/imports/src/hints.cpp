// Configurations that lie beside a checkpoint.
#include <fmt/format.h>

#include "config_file.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/imports/architecture.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::optional<std::int64_t> whole(const Json& from, const char* key) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
}

std::vector<double> numbers(const Json& from, const char* key, const fs::path& path) {
    const auto found = from.find(key);
    std::vector<double> values;
    if (found == from.end()) return values;
    if (found->is_array())
        for (const auto& value : *found)
            if (value.is_number()) values.push_back(value.get<double>());
    if (values.empty() || values.size() != found->size())
        fail<StorageError>("{}: '{}' should be a list of numbers, it is {}", path.string(), key,
                           found->dump());
    return values;
}

/// Hugging Face's names of activations.
Activation activation_named(const std::string& name, const fs::path& path) {
    if (name == "quick_gelu") return Activation::quick_gelu;
    if (name == "gelu") return Activation::gelu;
    if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Activation::gelu_tanh;
    if (name == "relu") return Activation::relu;
    fail<StorageError>("{}: its activation '{}' is none of quick_gelu, gelu, gelu_pytorch_tanh, relu",
                       path.string(), name);
}

void read_hugging_face(const fs::path& path, ArchitectureHints& hints) {
    const auto config = read_object(path);
    const auto type = text_in(config, "model_type");
    const auto inner = config.find("vision_config");
    const auto& vision = inner != config.end() && inner->is_object() ? *inner : config;
    if (!type.empty() && type.find("clip") == std::string::npos) return;
    hints.heads = whole(vision, "num_attention_heads");
    if (const auto name = vision.find("hidden_act"); name != vision.end() && name->is_string())
        hints.activation = activation_named(name->get<std::string>(), path);
    if (const auto eps = vision.find("layer_norm_eps"); eps != vision.end() && eps->is_number())
        hints.norm_eps = eps->get<double>();
    hints.config = config.dump();
    hints.sources.push_back(path.string());
}

void read_open_clip(const fs::path& path, ArchitectureHints& hints) {
    const auto config = read_object(path);
    const auto model = object_in(config, "model_cfg"), vision = object_in(model, "vision_cfg");
    if (vision.contains("width") && vision.contains("head_width"))
        hints.heads = whole(vision, "width").value_or(0) /
                      std::max<std::int64_t>(1, whole(vision, "head_width").value_or(1));
    else if (const auto width = whole(vision, "width"))
        hints.heads = *width / 64;  // open_clip's default head_width
    // open_clip's own rule: QuickGELU where the configuration asks for it, GELU otherwise.
    hints.activation = flag_in(model, "quick_gelu") ? Activation::quick_gelu : Activation::gelu;
    const auto preprocess = object_in(config, "preprocess_cfg");
    hints.pixel_mean = numbers(preprocess, "mean", path);
    hints.pixel_sd = numbers(preprocess, "std", path);
    hints.sources.push_back(path.string());
}

}  // namespace

ArchitectureHints read_hints(const fs::path& checkpoint) {
    std::error_code error;
    const auto folder = fs::is_directory(checkpoint, error) ? checkpoint
                        : checkpoint.has_parent_path()      ? checkpoint.parent_path()
                                                            : fs::path(".");
    ArchitectureHints hints;
    if (const auto path = folder / "config.json"; fs::exists(path, error)) read_hugging_face(path, hints);
    if (const auto path = folder / "open_clip_config.json"; !hints.heads && fs::exists(path, error))
        read_open_clip(path, hints);
    if (const auto path = folder / "preprocessor_config.json"; fs::exists(path, error)) {
        const auto config = read_object(path);
        hints.pixel_mean = numbers(config, "image_mean", path);
        hints.pixel_sd = numbers(config, "image_std", path);
        hints.sources.push_back(path.string());
    }
    return hints;
}

ArchitectureHints openai_clip_hints(std::int64_t width) {
    ArchitectureHints hints;
    hints.heads = std::max<std::int64_t>(1, width / 64);
    hints.activation = Activation::quick_gelu;
    hints.norm = NormPlace::pre;
    hints.norm_eps = 1e-5;
    hints.pixel_mean = {.48145466, .4578275, .40821073};
    hints.pixel_sd = {.26862954, .26130258, .27577711};
    return hints;
}

ArchitectureHints merged(const ArchitectureHints& first, const ArchitectureHints& second) {
    auto both = first;
    const auto take = [](auto& own, const auto& other) {
        if (!own) own = other;
    };
    take(both.heads, second.heads);
    take(both.activation, second.activation);
    take(both.norm, second.norm);
    take(both.norm_eps, second.norm_eps);
    take(both.pool, second.pool);
    take(both.final_norm, second.final_norm);
    if (both.pixel_mean.empty()) both.pixel_mean = second.pixel_mean;
    if (both.pixel_sd.empty()) both.pixel_sd = second.pixel_sd;
    both.sources.insert(both.sources.end(), second.sources.begin(), second.sources.end());
    if (both.config.empty()) both.config = second.config;
    return both;
}

}  // namespace vtvc
