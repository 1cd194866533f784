#pragma once
// Model and head files (kinds "model" and "head" of the tensor container).
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/models/vit.hpp"

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

/// A frozen classifier on features: logits = scale · f/‖f‖ · weightᵀ (cosine, rows normalised: CLIP's head).
struct Head {
    HeadKind kind = HeadKind::prototype;
    at::Tensor weight;  ///< [C, D], rows of norm 1
    double scale = 1;
    std::string base_hash, dataset_hash, hash;
    std::int64_t classes() const { return weight.size(0); }
    /// features [B, D] → [B, C]
    at::Tensor logits(const at::Tensor& features) const;
};
void save_head(const std::filesystem::path& path, const Head& head, const std::string& about);
/// Refuses a head of another base (expected_base empty: any), naming both hashes.
Head load_head(const std::filesystem::path& path, const std::string& expected_base);

}  // namespace vtvc
