#pragma once
// The one training loop: data-parallel AdamW with warm-up and cosine decay, metrics, checkpoints, a clean
// stop. What is trained stands in a LoopJob; how it is trained stands here.
#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace vtvc {

/// Where a job runs. folder is null on all ranks but 0; path is the run's folder on every rank.
struct RunContext {
    Communicator& comm;
    RunFolder* folder;
    std::filesystem::path path;
    const CommonKeys& common;
    /// Set by USR2 or TERM: checkpoint at the next step boundary and leave with exit code 75.
    const std::atomic<bool>& stop_asked;

    bool root() const { return comm.rank() == 0; }
};

struct ParameterGroup {
    std::vector<std::pair<std::string, at::Tensor>> parameters;  ///< named, requires_grad
    double lr = 1e-3, weight_decay = 0;
};

struct LoopJob {
    std::string phase = "train";  ///< names checkpoints: a run may train several times (selection)
    TrainKeys train;
    std::uint64_t seed = 0;
    std::int64_t rows = 0;  ///< training rows, of all ranks together
    std::vector<ParameterGroup> groups;
    std::vector<std::string> metrics;  ///< what gradients() sums; "loss" is the first
    /// For this rank's rows (maybe none) of a global batch of the given size: adds to the parameters'
    /// gradients those of Σ loss / batch, and returns the sums of metrics over its rows.
    std::function<std::vector<double>(std::int64_t step, std::span<const std::int64_t> rows,
                                      std::int64_t batch)>
        gradients;
    /// On all ranks, with equal results; empty: never. Every train.validate_every steps and at the end.
    std::function<std::map<std::string, double>(std::int64_t step)> validate;
    /// JSON lines that gradients() and validate() leave for metrics.jsonl.
    std::vector<std::string> lines;
    /// What makes a validation the best; the parameters are put back to the best at the end when
    /// train.validate_every > 0.
    SelectBy best_by = SelectBy::accuracy;
};

/// Is validation a better than b? Greatest accuracy or least nll, of the hard evaluation where it has one and
/// by asks for it. Anything is better than nothing.
bool better(const std::map<std::string, double>& a, const std::map<std::string, double>& b, SelectBy by);

struct LoopResult {
    bool finished = true;                      ///< false: stopped with a checkpoint, leave with exit code 75
    std::map<std::string, double> validation;  ///< of the parameters that are left
    double seconds = 0;                        ///< of training, all attempts
};

/// Continues from the phase's last good checkpoint, if the run folder has one. NumericError on a loss or
/// gradient that is not finite, naming step, rank and parameter; the last good checkpoint stays.
LoopResult run_loop(RunContext& context, LoopJob& job);

/// The result of a phase that an earlier attempt brought to its end (without its parameters); all ranks
/// agree.
std::optional<LoopResult> finished_phase(RunContext& context, const std::string& phase);

/// The same text on every rank: root's.
std::string broadcast_text(Communicator& comm, std::string text, int root = 0);

/// Learning-rate factor: linear warm-up, then a half cosine to zero.
double schedule(std::int64_t step, std::int64_t steps, std::int64_t warmup);
/// Matrices with weight decay, vectors without.
std::vector<ParameterGroup> decay_matrices_only(
    const std::vector<std::pair<std::string, at::Tensor>>& parameters, double lr, double weight_decay);

}  // namespace vtvc
