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
    std::int64_t rows = 0, classes = 0, tasks = 0, coefficients = 0;  // B, C, K, J
    std::int64_t gate_rows = 0;  ///< G ≤ B: rows that mean and uncertainty are kept for, the first ones

    std::vector<std::int64_t> ids;          ///< B
    std::vector<std::int32_t> labels;       ///< B; empty when unknown
    std::vector<std::int32_t> subdomains;   ///< B
    std::vector<float> probabilities;       ///< B × C
    std::vector<float> epistemic;           ///< B: H(p̄) − mean H(p_s), nats; monte_carlo only
    std::vector<float> coefficient_values;  ///< B × K × J: z
    std::vector<float> inclusion;           ///< B × K: mean over blocks of ρ̃ (group spike: ρ_k)
    std::vector<float> mean;                ///< G × K × J: μ
    std::vector<float> uncertainty;         ///< G × K × J: u
};

struct PredictionsContents {
    std::string meta = "{}";  ///< JSON: protocol, method, seed, hashes
    std::vector<std::string> task_names, coefficient_names;
    std::vector<PredictionSet> sets;
};

void write_predictions(const std::filesystem::path& path, const PredictionsContents& contents);
PredictionsContents read_predictions(const std::filesystem::path& path);

}  // namespace vtvc
