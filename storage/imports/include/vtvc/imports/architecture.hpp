#pragma once
// What network a foreign checkpoint holds. Sizes and structure are read off names and shapes; what neither
// says (heads, activation, where norms stand, pixel normalisation) comes from the configuration beside the
// weights or from options, and is asked for where both are silent: it is never guessed.
#include <optional>
#include <string>
#include <vector>

#include "vtvc/core/model_keys.hpp"
#include "vtvc/imports/network.hpp"

namespace vtvc {

/// What options or a configuration say; empty where they are silent.
struct ArchitectureHints {
    std::optional<std::int64_t> heads;
    std::optional<Activation> activation;
    std::optional<NormPlace> norm;
    std::optional<double> norm_eps;
    std::optional<Pool> pool;
    std::optional<FinalNorm> final_norm;
    std::vector<double> pixel_mean, pixel_sd;
    std::vector<std::string> sources;  ///< files that were read
    std::string config;                ///< text of config.json, kept for export; empty: none
};

/// config.json (Hugging Face), open_clip_config.json and preprocessor_config.json in the folder of a
/// checkpoint. StorageError for files that are there and cannot be understood.
ArchitectureHints read_hints(const std::filesystem::path& checkpoint);
/// OpenAI's CLIP by name: QuickGELU, heads of 64, CLIP's pixel mean and standard deviation.
ArchitectureHints openai_clip_hints(std::int64_t width);
/// The first source that says something wins, key by key.
ArchitectureHints merged(const ArchitectureHints& first, const ArchitectureHints& second);

/// Checked: every block of the architecture is there with its shape, and none beside. StorageError names the
/// tensor and both shapes; ConfigError names the option that must be given.
ModelKeys recognise_architecture(const ForeignNetwork& network, const ArchitectureHints& hints);
/// The part that needs no hints: sizes and structure.
ModelKeys recognise_sizes(const ForeignNetwork& network);

}  // namespace vtvc
