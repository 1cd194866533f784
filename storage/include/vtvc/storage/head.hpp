#pragma once
// Head files: the frozen classifier on a base's features, each named as what it is, without torch.
//
// x = features [D]; where normalised, x ← x/‖x‖; with a hidden layer, x ← a(x·hidden_weightᵀ + hidden_bias);
// logits = scale · x·weightᵀ + bias.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/model_keys.hpp"

namespace vtvc {

enum class HeadKind {
    prototype,     ///< normalised class means of base features
    linear_probe,  ///< cosine rows fitted by us
    text,          ///< class text embeddings (CLIP's zero-shot head)
    linear,        ///< a trained linear layer of another project
    mlp            ///< a hidden layer and a linear one, of another project
};
template <>
struct EnumNames<HeadKind> {
    static constexpr std::array<std::string_view, 5> names{"prototype", "linear_probe", "text", "linear",
                                                           "mlp"};
};
/// Whether the head divides features by their length first (cosine logits where its rows have length 1).
enum class FeatureForm { plain, normalised };
template <>
struct EnumNames<FeatureForm> {
    static constexpr std::array<std::string_view, 2> names{"plain", "normalised"};
};

struct HeadContents {
    HeadKind kind = HeadKind::prototype;
    FeatureForm features = FeatureForm::normalised;
    double scale = 1;
    std::int64_t classes = 0, width = 0;  ///< C and D
    std::vector<float> weight;            ///< [C, D], or [C, H] behind a hidden layer
    std::vector<float> bias;              ///< [C], or empty
    std::int64_t hidden = 0;              ///< H; 0: no hidden layer
    Activation activation = Activation::gelu;
    std::vector<float> hidden_weight, hidden_bias;  ///< [H, D], [H]
    std::vector<std::string> class_names;           ///< [C], or empty where they are not known
    /// Content hash of the base whose features it reads (required: a head means nothing on another), and of
    /// the data set that it was made from (empty where it is another's).
    std::string base_hash, dataset_hash;
    std::string about = "{}";  ///< JSON: where it comes from

    std::int64_t inner() const { return hidden > 0 ? hidden : width; }
};

/// Atomic. StorageError for sizes that contradict each other, values that are not finite, no base hash.
void write_head(const std::filesystem::path& path, const HeadContents& head);
/// Files of before kinds were told apart (weight, scale) read as what they say.
HeadContents read_head(const std::filesystem::path& path);

}  // namespace vtvc
