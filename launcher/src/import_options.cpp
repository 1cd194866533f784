#include "import_options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace vtvc {

void add_network_options(CLI::App& app, NetworkArguments& arguments) {
    app.add_option("--map", arguments.map,
                   "TOML file of regular expressions: [[rename]] from, to, transpose; [[skip]] name, reason");
    app.add_option("--prefix", arguments.prefix,
                   "What stands before the network's names, where a file holds two networks");
    app.add_option("--heads", arguments.heads, "Attention heads")->check(CLI::PositiveNumber);
    app.add_option("--activation", arguments.activation, "quick_gelu, gelu, gelu_tanh or relu");
    app.add_option("--norm", arguments.norm, "pre or post: where the layer norms of a block stand");
    app.add_option("--norm-eps", arguments.norm_eps, "Added to the variance by layer norms")
        ->check(CLI::PositiveNumber);
    app.add_option("--pool", arguments.pool, "class, patches or tokens: what the features are read from");
    app.add_option("--final-norm", arguments.final_norm, "tokens or pooled: what the last norm sees");
    app.add_option("--pixel-mean", arguments.pixel_mean, "Of each channel, as a share of 255")
        ->expected(1, 64);
    app.add_option("--pixel-sd", arguments.pixel_sd, "Of each channel, as a share of 255")->expected(1, 64);
    app.add_option(
        "--family", arguments.family,
        "openai-clip: QuickGELU, heads of 64, CLIP's pixel mean and sd where nothing else says them");
}

NetworkOptions NetworkArguments::options() const {
    NetworkOptions options;
    options.mapping.prefix = prefix;
    if (!map.empty()) options.mapping.map = NameMap::read(map);
    auto& hints = options.hints;
    if (heads > 0) hints.heads = heads;
    if (!activation.empty()) hints.activation = value_named<Activation>(activation, "--activation");
    if (!norm.empty()) hints.norm = value_named<NormPlace>(norm, "--norm");
    if (norm_eps > 0) hints.norm_eps = norm_eps;
    if (!pool.empty()) hints.pool = value_named<Pool>(pool, "--pool");
    if (!final_norm.empty()) hints.final_norm = value_named<FinalNorm>(final_norm, "--final-norm");
    hints.pixel_mean = pixel_mean;
    hints.pixel_sd = pixel_sd;
    if (family == "openai-clip")
        options.family = NetworkOptions::Family::openai_clip;
    else if (!family.empty())
        fail<ConfigError>("--family '{}' is not known; openai-clip is", family);
    if (tangent == "base")
        options.mapping.tangent = MappingOptions::Tangent::base;
    else if (!tangent.empty() && tangent != "tuned")
        fail<ConfigError>("--tangent '{}' is none of tuned, base", tangent);
    return options;
}

Json to_json(const NetworkReport& report) {
    Json skipped = Json::object();
    for (const auto& item : report.skipped) skipped[item.name] = item.reason;
    return {{"path", report.path},           {"format", report.format},   {"layout", report.layout},
            {"prefix", report.prefix},       {"tensors", report.tensors}, {"parameters", report.parameters},
            {"skipped", std::move(skipped)}, {"notes", report.notes},     {"read", report.sources}};
}

std::string in_words(const NetworkReport& report) {
    std::string text =
        fmt::format("  {} tensors of layout '{}'{} in {}", report.tensors, report.layout,
                    report.prefix.empty() ? "" : fmt::format(" under '{}'", report.prefix), report.format);
    if (report.parameters > 0) text += fmt::format(", {} parameters", report.parameters);
    text += '\n';
    std::map<std::string, std::vector<std::string>> reasons;
    for (const auto& item : report.skipped) reasons[item.reason].push_back(item.name);
    for (const auto& [reason, names] : reasons)
        text += fmt::format("  skipped {}: {}{}\n",
                            names.size() == 1 ? names.front() : std::to_string(names.size()), reason,
                            names.size() == 1 ? "" : fmt::format(" ({}, …)", names.front()));
    for (const auto& note : report.notes) text += "  " + note + '\n';
    for (const auto& source : report.sources) text += "  read " + source + '\n';
    return text;
}

std::string in_words(const ModelKeys& keys) {
    return fmt::format("{} layers of width {}, {} heads, {}, {}-norm, {} px in patches of {}, {} features",
                       keys.depth, keys.width, keys.heads, name_of(keys.activation), name_of(keys.norm),
                       keys.image, keys.patch, keys.output);
}

}  // namespace vtvc
