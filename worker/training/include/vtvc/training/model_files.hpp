#pragma once
// Model and head files (kinds "model" and "head" of the tensor container).
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/models/vit.hpp"
#include "vtvc/storage/head.hpp"

namespace vtvc {

struct ModelFile {
    Vit vit;
    std::vector<at::Tensor> blocks;  ///< in the order of vit.blocks()
    std::string hash;                ///< content hash of the file
    std::string base_hash;           ///< of the base it was fine-tuned from; empty: it is a base
};
/// base_hash: empty for a base. about: JSON text, kept under "about".
void save_model(const std::filesystem::path& path, const Vit& vit, const std::vector<at::Tensor>& blocks,
                const std::string& base_hash, const std::string& about);
/// StorageError names a tensor that is missing or of another shape than the configuration says.
ModelFile load_model(const std::filesystem::path& path);

/// A frozen classifier on features (storage/head.hpp says what it computes).
struct Head {
    HeadKind kind = HeadKind::prototype;
    FeatureForm features = FeatureForm::normalised;
    at::Tensor weight;  ///< [C, D], or [C, H] behind a hidden layer
    at::Tensor bias;    ///< [C] or undefined
    double scale = 1;
    Activation activation = Activation::gelu;
    at::Tensor hidden_weight, hidden_bias;  ///< [H, D], [H]; undefined: no hidden layer
    std::vector<std::string> class_names;   ///< empty where the file does not know them
    std::string base_hash, dataset_hash, hash;
    std::int64_t classes() const { return weight.size(0); }
    /// D, the width of the features that it reads.
    std::int64_t width() const { return hidden_weight.defined() ? hidden_weight.size(1) : weight.size(1); }
    /// features [B, D] → [B, C]
    at::Tensor logits(const at::Tensor& features_of_base) const;
};
void save_head(const std::filesystem::path& path, const Head& head, const std::string& about);
/// Refuses a head of another base (expected_base empty: any), naming both hashes.
Head load_head(const std::filesystem::path& path, const std::string& expected_base);

}  // namespace vtvc
