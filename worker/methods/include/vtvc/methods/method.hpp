#pragma once
// A trained method: how it answers for a chunk of samples, and how it is stored. The posterior and every
// baseline implement this, each in its own file; what a new one needs is that file and a line in method.cpp.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vtvc/methods/problem.hpp"
#include "vtvc/methods/tangents.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

/// Undefined tensors: the method has no such thing.
struct Answer {
    at::Tensor probabilities;      ///< [B, C]
    at::Tensor epistemic;          ///< [B], nats: H(p̄) − mean H(p_s); Mode::monte_carlo only
    at::Tensor z;                  ///< [B, K, J]; of the last sample in Mode::monte_carlo
    at::Tensor inclusion;          ///< [B, K]: mean over the coefficients of ρ̃
    at::Tensor mean, uncertainty;  ///< [B, K, J]: μ, u
};

class TrainedMethod {
  public:
    virtual ~TrainedMethod() = default;
    /// The answer for a batch of one data set (all its rows of one task). No gradient. A sample's answer does
    /// not depend on the others.
    virtual Answer answer(const Problem& problem, const Batch& batch, Mode mode,
                          std::int64_t samples) const = 0;
    /// Modes that differ; the first is the one meant by the method's plain name.
    virtual std::vector<Mode> modes() const { return {Mode::mean}; }
    /// Adds what load() of the family needs to meta ("family" is set by the caller) and tensors.
    virtual void store(TensorFile& file) const = 0;
    virtual std::string family() const = 0;
};

/// What training leaves beside the method itself.
struct TrainedBy {
    std::unique_ptr<TrainedMethod> method;
    LoopResult result;
    std::map<std::string, double> selected;   ///< keys chosen on validation data and their values
    std::optional<TangentDistance> tangent;   ///< of the method; none: trained exactly
    std::shared_ptr<const PosteriorJob> job;  ///< with the chosen values in their places
};

/// Softmax of the head's logits under one set of weights: the answer of everything merged.
at::Tensor plain_probabilities(const Problem& problem, std::int64_t task, const at::Tensor& images,
                               const std::vector<at::Tensor>& blocks);
/// The same with per-sample coefficients z [B, K, J].
at::Tensor composed_probabilities(const Problem& problem, std::int64_t task, const at::Tensor& images,
                                  const at::Tensor& z);

/// One fixed z for all samples, or one a data set. z [T or 1, K, J].
std::unique_ptr<TrainedMethod> make_fixed(const at::Tensor& z);
/// One merged network (TIES): blocks in the model's order.
std::unique_ptr<TrainedMethod> make_merged(std::vector<at::Tensor> blocks);
/// Linear classifiers on base features, one a data set: weight [C, D], bias [C].
std::unique_ptr<TrainedMethod> make_probe(std::vector<at::Tensor> weights, std::vector<at::Tensor> biases);

/// Accuracy and nll over the validation rows of all tasks (each task weighs the same), computed by all ranks
/// together in fixed chunks; also hard_accuracy, hard_nll, nonzero where the method has Mode::hard.
std::map<std::string, double> validate_method(const Problem& problem, const TrainedMethod& method,
                                              Communicator& comm);

/// Trains what the job asks for (a posterior or a baseline), selecting on validation data.
TrainedBy train_method(RunContext& context, const PosteriorJob& job, Problem& problem);

/// method.h5: the method, the job it came from, hashes of the bank and heads.
void save_method(const std::filesystem::path& path, const PosteriorJob& job, const Problem& problem,
                 const TrainedBy& trained);
struct LoadedMethod {
    std::unique_ptr<PosteriorJob> job;  ///< as it was resolved
    std::string meta;                   ///< JSON text
    std::string hash, bank_hash, method_id;
    TensorFile file;
};
/// Opens without building: the bank and tasks to build it on come from the evaluating job.
LoadedMethod open_method(const std::filesystem::path& path);
/// Refuses a problem of another bank or with other data sets than the method was told of.
std::unique_ptr<TrainedMethod> build_method(const LoadedMethod& loaded, const Problem& problem);

/// Rows of every chunk in evaluation. Fixed, the last chunk padded, so that no answer depends on a batch
/// size.
inline constexpr std::int64_t evaluation_chunk = 64;
/// Calls body(batch, valid rows, first row) for this rank's share of the rows of one task.
void for_each_chunk(const Problem& problem, std::int64_t task, const Rows& rows, Communicator& comm,
                    const std::function<void(const Batch&, std::int64_t valid, std::int64_t first)>& body);

}  // namespace vtvc
