// Coefficients that do not look at the sample: one matrix for all data, or one a data set. Answered by
// merging the weights once and running the plain network.
#include <fmt/format.h>
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "families.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {

class Fixed final : public TrainedMethod {
  public:
    explicit Fixed(const at::Tensor& z) : z_(z.detach().to(at::kFloat).contiguous()) {}

    Answer answer(const Problem& problem, const Batch& batch, Mode, std::int64_t) const override {
        const torch::NoGradGuard no_grad;
        const auto task = batch.task[0].item<std::int64_t>();
        const std::int64_t which = z_.size(0) == 1 ? 0 : task;
        if (merged_for_ != which) {
            merged_ = merge(problem.bank(), z_[which]);
            merged_for_ = which;
        }
        Answer answer;
        answer.probabilities = plain_probabilities(problem, task, batch.images, merged_);
        answer.z = z_[which].unsqueeze(0).expand({batch.size(), -1, -1});
        return answer;
    }
    void store(TensorFile& file) const override { file.tensors["z"] = to_host(z_); }
    std::string family() const override { return "fixed"; }

  private:
    at::Tensor z_;  // [T or 1, K, J]
    mutable std::vector<at::Tensor> merged_;
    mutable std::int64_t merged_for_ = -1;
};

/// One set of merged weights that is no sum of task vectors.
class Merged final : public TrainedMethod {
  public:
    explicit Merged(std::vector<at::Tensor> blocks) : blocks_(std::move(blocks)) {}
    Answer answer(const Problem& problem, const Batch& batch, Mode, std::int64_t) const override {
        const torch::NoGradGuard no_grad;
        Answer answer;
        answer.probabilities =
            plain_probabilities(problem, batch.task[0].item<std::int64_t>(), batch.images, blocks_);
        return answer;
    }
    void store(TensorFile& file) const override {
        for (std::size_t j = 0; j < blocks_.size(); ++j)
            file.tensors[fmt::format("block/{:04}", j)] = to_host(blocks_[j]);
    }
    std::string family() const override { return "merged"; }

  private:
    std::vector<at::Tensor> blocks_;
};

}  // namespace

std::unique_ptr<TrainedMethod> make_fixed(const at::Tensor& z) { return std::make_unique<Fixed>(z); }
std::unique_ptr<TrainedMethod> make_merged(std::vector<at::Tensor> blocks) {
    return std::make_unique<Merged>(std::move(blocks));
}

std::unique_ptr<TrainedMethod> load_fixed(const LoadedMethod& loaded, const Problem&) {
    return make_fixed(to_tensor(loaded.file.tensors.at("z")));
}
std::unique_ptr<TrainedMethod> load_merged(const LoadedMethod& loaded, const Problem& problem) {
    std::vector<at::Tensor> blocks;
    for (std::size_t j = 0; j < problem.bank().blocks().size(); ++j) {
        blocks.push_back(to_tensor(loaded.file.tensors.at(fmt::format("block/{:04}", j))));
    }
    return make_merged(std::move(blocks));
}

TrainedBy make_untrained(RunContext& context, const BaselineJob& job, Problem& problem) {
    const std::int64_t vectors = problem.bank().tasks(), coefficients = problem.bank().coefficients();
    at::Tensor z = torch::zeros({1, vectors, coefficients});
    if (job.method == Method::average) z.fill_(1.0 / static_cast<double>(vectors));
    if (job.method == Method::individual) {
        z = torch::zeros({static_cast<std::int64_t>(problem.tasks().size()), vectors, coefficients});
        for (std::size_t t = 0; t < problem.tasks().size(); ++t) {
            const ProblemTask& task = problem.tasks()[t];
            if (task.own_vector < 0) {
                fail<ConfigError>(
                    "method 'individual' needs the own vector of '{}' in the bank; the bank has {}",
                    task.row.name, fmt::join(problem.bank().task_names(), ", "));
            }
            z[static_cast<std::int64_t>(t)][task.own_vector].fill_(1);
        }
    }
    TrainedBy trained;
    trained.method = make_fixed(z);
    trained.result.validation = validate_method(problem, *trained.method, context.comm);
    return trained;
}

TrainedBy train_arithmetic(RunContext& context, const BaselineJob& job, Problem& problem) {
    TrainedBy best;
    for (const double scale : job.scale_grid) {
        const at::Tensor z = torch::full({1, problem.bank().tasks(), problem.bank().coefficients()}, scale);
        TrainedBy trained;
        trained.method = make_fixed(z);
        trained.result.validation = validate_method(problem, *trained.method, context.comm);
        trained.selected["scale"] = scale;
        if (!best.method || trained.result.validation["accuracy"] > best.result.validation["accuracy"]) {
            best = std::move(trained);
        }
    }
    return best;
}

}  // namespace vtvc
