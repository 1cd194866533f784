#pragma once
// What a stopped loop needs to go on as if it had not stopped: parameters, optimiser state, step (from which
// follow data order, random numbers, learning rate and gate annealing), the best so far, the length of the
// metrics.
#include <torch/optim/adamw.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vtvc/core/background.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

struct LoopState {
    std::int64_t step = 0;  ///< steps done
    std::uint64_t metrics_bytes = 0;
    double seconds = 0;
    std::map<std::string, double> last, best;  ///< validations
    NamedTensors best_parameters;
};

NamedTensors copies(const NamedTensors& tensors);
/// Copies values by position; names must agree.
void assign(const NamedTensors& into, const NamedTensors& from);

/// RUN/checkpoints of one phase. Written by root, atomically, while training goes on, one at a time; the last
/// two are kept; read by every rank.
class CheckpointFolder {
  public:
    CheckpointFolder(RunContext& context, std::string phase);
    /// The newest checkpoint that is whole, if any; otherwise only where the metrics of this phase begin.
    void restore(LoopState& state, const NamedTensors& parameters, torch::optim::AdamW& optimizer);
    /// Copies everything to memory and returns; the metrics, the checkpoint and the run's status then reach
    /// the disk in this order. Waits for the checkpoint before. metrics: root's, null elsewhere.
    void save(const LoopState& state, const NamedTensors& parameters, torch::optim::AdamW& optimizer,
              const JsonLines* metrics);
    /// Throws what went wrong with a checkpoint that has ended; does not wait.
    void check() { writing_.check(); }
    /// All ranks: the last checkpoint is on disk, or its error is thrown.
    void settle();
    /// Root only: records the phase's end, after the last checkpoint's.
    void finish(const LoopResult& result, std::uint64_t metrics_bytes);

  private:
    std::vector<std::filesystem::path> newest_first() const;
    RunContext& context_;
    std::string phase_;
    std::filesystem::path folder_;
    Background writing_;  // last: it ends before what it uses
};

}  // namespace vtvc
