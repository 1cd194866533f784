#pragma once
// Our files back to safetensors, in the layout that the weights came from, so that the programs they came
// from load them: a base, a merged network, every task of a bank, a posterior.
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

struct ExportOptions {
    /// A file ….safetensors, or a folder (made) for model.safetensors and the config.json that came with the
    /// weights.
    std::filesystem::path out;
    std::optional<ForeignType> type;  ///< of all weights; empty: each as it came
    /// A checkpoint of the same names: its tensors that are not of the network (a text tower, say) are
    /// copied.
    std::filesystem::path complete_from;
};
struct ExportReport {
    std::vector<std::filesystem::path> files;
    std::string layout;
    std::size_t tensors = 0, copied = 0;  ///< copied: from complete_from
    std::vector<std::string> notes;
};

/// z of each task vector in each block: K × J.
using Coefficients = std::vector<std::vector<float>>;
/// One number for all blocks of a task; 0 for tasks that are not named. StorageError for names that the bank
/// does not have.
Coefficients constant_coefficients(const Bank& bank, const std::vector<std::pair<std::string, double>>& z);
/// Of a method file that holds one matrix (task arithmetic, average, atlas, per data set: then dataset says
/// whose). StorageError for methods whose coefficients depend on the sample, with what to do instead.
Coefficients method_coefficients(const Bank& bank, const std::filesystem::path& method,
                                 const std::string& dataset);
/// Those that a method gave one sample, from the predictions of an evaluate or predict job. set: "<data
/// set>/<mode>"; id: the sample's.
Coefficients sample_coefficients(const Bank& bank, const std::filesystem::path& predictions,
                                 const std::string& set, std::int64_t id);

ExportReport export_model(const std::filesystem::path& model, const ExportOptions& options);
/// θ0 + Σ_k z_kj τ_kj, added up in double precision.
ExportReport export_merged(const std::filesystem::path& bank, const Coefficients& z,
                           const ExportOptions& options);
/// One task's fine-tuned network θ0 + τ_k, in the layout of its own checkpoint; bit for bit what was imported
/// where the bank stores f32.
ExportReport export_task(const std::filesystem::path& bank, std::int64_t task, const ExportOptions& options);
/// A method file's tensors under their names; its configuration as the metadata "vtvc".
ExportReport export_method(const std::filesystem::path& method, const ExportOptions& options);

}  // namespace vtvc
