#pragma once
// Predictions files: what a method said of each sample, enough to recompute every number of a report.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vtvc {

/// One data set under one method and mode. Empty vectors are not written.
struct PredictionSet {
    std::string dataset;  ///< the task's name
    std::string mode;     ///< mean, hard, monte_carlo, shuffled, averaged
    std::int64_t rows = 0, classes = 0, tasks = 0, coefficients = 0;  ///< K, J
    std::vector<std::int64_t> ids;          ///< rows
    std::vector<std::int32_t> labels;       ///< rows; empty when unknown
    std::vector<std::int32_t> subdomains;   ///< rows
    std::vector<float> probabilities;       ///< rows × classes
    std::vector<float> epistemic;           ///< rows: H(p̄) − mean H(p_s), nats; monte_carlo only
    std::vector<float> coefficient_values;  ///< rows × K × J: z
    std::vector<float> inclusion;           ///< rows × K: mean over blocks of ρ̃ (group spike: ρ_k)
    std::vector<float> mean;                ///< rows × K × J: μ (only the first rows of a set, see gate_rows)
    std::vector<float> uncertainty;         ///< rows × K × J: u, same rows as mean
    std::int64_t gate_rows = 0;
};

struct PredictionsContents {
    std::string meta = "{}";  ///< JSON: protocol, method, seed, hashes
    std::vector<std::string> task_names, coefficient_names;
    std::vector<PredictionSet> sets;
};

void write_predictions(const std::filesystem::path& path, const PredictionsContents& contents);
PredictionsContents read_predictions(const std::filesystem::path& path);

}  // namespace vtvc
