#include "adapter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <stdexcept>

#include "config_file.hpp"
#include "expression.hpp"
#include "forms.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/storage/factors.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
constexpr const char* config_name = "adapter_config.json";
constexpr std::size_t most_patterns = 1000;

struct Settings {
    double alpha = 0;
    bool root = false;                                  ///< rsLoRA
    std::vector<std::pair<std::regex, double>> alphas;  ///< patterns of modules with another α
};

Settings read_settings(const fs::path& path) {
    const auto json = read_object(path);
    const auto type = json.value("peft_type", Json("LORA"));
    if (type != "LORA")
        fail<StorageError>(
            "{}: an adapter of type {} cannot be read (LORA can); merge it into the model and "
            "import that",
            path.string(), type.dump());
    for (const char* other : {"use_dora", "use_qalora", "use_bdlora"})
        if (flag_in(json, other))
            fail<StorageError>(
                "{}: {} changes weights otherwise than by B·A; merge it into the model and "
                "import that",
                path.string(), other);
    Settings settings;
    const auto alpha = json.find("lora_alpha");
    if (alpha == json.end() || !alpha->is_number())
        fail<StorageError>("{}: has no number 'lora_alpha' (without it the adapter's size is unknown)",
                           path.string());
    settings.alpha = alpha->get<double>();
    settings.root = flag_in(json, "use_rslora");
    const auto patterns = object_in(json, "alpha_pattern");
    if (patterns.size() > most_patterns)
        fail<StorageError>("{}: alpha_pattern has {} expressions (at most {} are read)", path.string(),
                           patterns.size(), most_patterns);
    for (const auto& [key, value] : patterns.items()) {
        if (!value.is_number()) continue;
        try {  // PEFT's rule: the pattern is the module's name or its end behind a dot
            settings.alphas.emplace_back(compile_expression("(.*\\.)?(" + key + ")"), value.get<double>());
        } catch (const std::runtime_error& error) {
            fail<StorageError>("{}: '{}' in alpha_pattern is no regular expression ({})", path.string(), key,
                               error.what());
        }
    }
    return settings;
}

double alpha_of(const Settings& settings, const std::string& module) {
    for (const auto& [pattern, alpha] : settings.alphas)
        if (std::regex_match(module, pattern)) return alpha;
    return settings.alpha;
}

struct FactorName {
    std::string module;
    char which = 'A';
};
/// "….q_proj.lora_A.weight", "….q_proj.lora_A.default.weight"
std::optional<FactorName> factor_name(const std::string& name) {
    const auto at = name.rfind(".lora_");
    if (at == std::string::npos || !name.ends_with(".weight")) return std::nullopt;
    const auto rest = std::string_view(name).substr(at + 6);
    if (rest.size() < 8 || (rest[0] != 'A' && rest[0] != 'B') || rest[1] != '.') return std::nullopt;
    if (std::count(rest.begin(), rest.end(), '.') > 2) return std::nullopt;
    return FactorName{name.substr(0, at), rest[0]};
}

std::int64_t columns_of(const std::vector<std::int64_t>& shape) {
    std::int64_t columns = 1;
    for (std::size_t d = 1; d < shape.size(); ++d) columns *= shape[d];
    return columns;
}

}  // namespace

bool Adapter::is_one(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return fs::exists(path / config_name, error);
    return path.filename().string().find("adapter_model") != std::string::npos &&
           fs::exists(path.parent_path() / config_name, error);
}

Adapter Adapter::open(const fs::path& path, const MappingOptions& options, const std::vector<Block>& blocks) {
    std::error_code error;
    const auto folder = fs::is_directory(path, error) ? path : path.parent_path();
    const auto settings = read_settings(folder / config_name);
    Adapter adapter(ForeignCheckpoint::open(path));
    adapter.path_ = path.string();
    const auto& tensors = adapter.checkpoint_.tensors();

    std::map<std::string, std::pair<std::optional<std::size_t>, std::optional<std::size_t>>> modules;
    std::vector<std::size_t> others;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        if (const auto factor = factor_name(tensors[t].name)) {
            auto& [a, b] = modules[factor->module];
            (factor->which == 'A' ? a : b) = t;
        } else if (tensors[t].name.find(".lora_") != std::string::npos) {
            fail<StorageError>(
                "{}: '{}' is no factor of plain LoRA (DoRA's magnitudes and embeddings are not "
                "read); merge it into the model and import that",
                adapter.path_, tensors[t].name);
        } else if (!is_floating(tensors[t].type)) {
            adapter.skipped_.push_back(
                {tensors[t].name, fmt::format("{}, not a weight", name_of(tensors[t].type))});
        } else {
            others.push_back(t);
        }
    }
    if (modules.empty())
        fail<StorageError>("{}: holds no factors 'lora_A' and 'lora_B' of an adapter", adapter.path_);
    std::vector<std::string> names;
    names.reserve(modules.size() + others.size());
    for (const auto& [module, factors] : modules) names.push_back(module + ".weight");
    for (const auto t : others) {
        auto name = tensors[t].name;
        // PEFT keeps the layer it wraps under this name.
        if (const auto at = name.find(".base_layer."); at != std::string::npos) name.erase(at, 11);
        names.push_back(name);
    }
    const auto targets = map_targets(names, options, adapter.path_);
    std::size_t next = 0;
    for (const auto& [module, factors] : modules) {
        if (!factors.first || !factors.second)
            fail<StorageError>("{}: module '{}' has only one of lora_A and lora_B; was the file cut?",
                               adapter.path_, module);
        Pair pair{*factors.first, *factors.second, module, 1, targets[next++]};
        const auto& a = tensors[pair.a].shape;
        const auto rank = a.empty() ? 0 : a[0];
        const auto alpha = alpha_of(settings, module);
        pair.scale =
            alpha / (settings.root ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
        adapter.check(pair, blocks);
        adapter.pairs_.push_back(pair);
    }
    for (const auto t : others) adapter.dense_[targets[next].block].push_back({t, targets[next]}), ++next;
    adapter.description_ =
        fmt::format("LoRA of {} modules ({}), α {}{}", adapter.pairs_.size(), adapter.checkpoint_.layout(),
                    settings.alpha, settings.root ? ", rank-stabilised" : "");
    return adapter;
}

void Adapter::check(const Pair& pair, const std::vector<Block>& blocks) const {
    const auto& a = checkpoint_.tensors()[pair.a];
    const auto& b = checkpoint_.tensors()[pair.b];
    const auto block = std::find_if(blocks.begin(), blocks.end(),
                                    [&](const Block& known) { return known.name == pair.target.block; });
    if (block == blocks.end())
        fail<StorageError>("{}: module '{}' is block '{}', which the base does not have", path_, pair.module,
                           pair.target.block);
    const bool flipped = pair.target.orientation == Orientation::transposed;
    const auto range = rows_of(pair.target.part, block->shape[0]);
    const auto outputs = flipped ? columns_of(block->shape) : range.rows;
    const auto inputs = flipped ? block->shape[0] : columns_of(block->shape);
    const auto rank = a.shape.empty() ? 0 : a.shape[0];
    if (a.shape.size() < 2 || b.shape.size() < 2 || rank < 1 || columns_of(a.shape) != inputs ||
        b.shape[0] != outputs || columns_of(b.shape) != rank)
        fail<StorageError>(
            "{}: factors {} and {} of module '{}' do not make the {} × {} of block '{}' of the base", path_,
            shape_text(b.shape), shape_text(a.shape), pair.module, outputs, inputs, pair.target.block);
    if (!is_floating(a.type) || !is_floating(b.type))
        fail<StorageError>("{}: the factors of module '{}' are {} and {}, not floating numbers", path_,
                           pair.module, name_of(a.type), name_of(b.type));
}

std::vector<float> Adapter::read(std::size_t tensor) const {
    const auto& known = checkpoint_.tensors()[tensor];
    std::vector<float> values(static_cast<std::size_t>(known.elements()));
    checkpoint_.read_f32(tensor, values);
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            fail<StorageError>(
                "{}: tensor '{}' has {} at element {} (one such value spoils every composition)", path_,
                known.name, values[i], i);
    return values;
}

std::vector<Factors> Adapter::factors(const Block& block) const {
    std::vector<Factors> parts;
    for (const auto& pair : pairs_) {
        if (pair.target.block != block.name) continue;
        const auto& a = checkpoint_.tensors()[pair.a].shape;
        const auto rank = a[0], inputs = columns_of(a), outputs = checkpoint_.tensors()[pair.b].shape[0];
        auto left = read(pair.b), right = read(pair.a);
        for (auto& value : left) value = static_cast<float>(value * pair.scale);
        const auto range = rows_of(pair.target.part, block.shape[0]);
        Factors part{range.first, range.rows, rank, std::move(left), std::move(right)};
        if (pair.target.orientation == Orientation::transposed) {  // (B·A)ᵀ = Aᵀ·Bᵀ
            const auto r = static_cast<std::size_t>(rank);
            auto flipped = transposed(part.right, r, static_cast<std::size_t>(inputs));
            part.right = transposed(part.left, static_cast<std::size_t>(outputs), r);
            part.left = std::move(flipped);
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

void Adapter::replace(const Block& block, std::span<float> values) const {
    for (const auto& dense : dense_.at(block.name)) {
        const auto& tensor = checkpoint_.tensors()[dense.tensor];
        const auto range = rows_of(dense.target.part, block.shape.empty() ? 1 : block.shape[0]);
        const auto columns = columns_of(block.shape);
        auto part = read(dense.tensor);
        const bool flipped = dense.target.orientation == Orientation::transposed;
        if (static_cast<std::int64_t>(part.size()) != range.rows * columns ||
            (flipped && tensor.shape.size() != 2))
            fail<StorageError>("{}: tensor '{}' of shape {} does not fit block '{}' of shape {} of the base",
                               path_, tensor.name, shape_text(tensor.shape), block.name,
                               shape_text(block.shape));
        if (flipped)
            part = transposed(part, static_cast<std::size_t>(tensor.shape[0]),
                              static_cast<std::size_t>(tensor.shape[1]));
        std::copy(part.begin(), part.end(), values.begin() + range.first * columns);
    }
    // As PEFT merges: what is trained in full takes the base's place, the product is added to it.
    const auto columns = columns_of(block.shape);
    for (const auto& part : factors(block))
        add_factors(part, columns, 0, static_cast<std::int64_t>(values.size()) / columns, values);
}

std::string Adapter::content_hash() const {
    Hasher hasher;
    const auto add = [&](std::size_t tensor) {
        const auto values = read(tensor);
        hasher.add(std::as_bytes(std::span(values)));
    };
    for (const auto& pair : pairs_) {
        hasher.add(pair.target.block)
            .add(fmt::format("{} {}", static_cast<int>(pair.target.part), pair.scale));
        add(pair.a);
        add(pair.b);
    }
    for (const auto& [block, list] : dense_)
        for (const auto& dense : list) {
            hasher.add(block);
            add(dense.tensor);
        }
    return hasher.hex();
}

}  // namespace vtvc
