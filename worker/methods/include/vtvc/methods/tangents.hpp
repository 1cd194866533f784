#pragma once
// The linearised model of a problem: for each data set the rows of its Jacobian file, from which a posterior
// is trained without the network, and how far its logits are from the network's.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "vtvc/methods/problem.hpp"
#include "vtvc/sharding/communicator.hpp"
#include "vtvc/tangent/stored.hpp"

namespace vtvc {

/// Over the validation rows that the Jacobian files hold, all data sets together.
struct TangentDistance {
    std::int64_t rows = 0;
    double mean = 0, most = 0;  ///< |tangent − exact| of a logit
    double relative = 0;        ///< ‖tangent − exact‖ over ‖exact − logits at z̄‖
    double agreement = 0;       ///< share of rows with the same top class
    double accuracy = 0;        ///< of the tangent's own answers
    std::map<std::string, double> named() const;
    /// One line for people.
    std::string text() const;
};

class Tangents {
  public:
    /// Of the job's rows, read whole; the problem's training rows are read already. StorageError where a file
    /// is of another base, bank, partition, data set or head, or lacks a training row.
    static Tangents open(const Problem& problem, const PosteriorJob& job);
    /// Losses of a batch of training rows with the coefficients z [B, K, J]; gradients flow into z, and this
    /// must outlive them.
    SampleLosses losses(const Problem& problem, const Batch& batch, const at::Tensor& z) const;
    /// coefficients: z [B, K, J] of a batch. All ranks together, with equal results.
    TangentDistance distance(const Problem& problem,
                             const std::function<at::Tensor(const Batch&)>& coefficients,
                             Communicator& comm) const;

  private:
    struct Task {
        StoredTangent train, validation;
        std::vector<std::int64_t> train_place, validation_place;  ///< of the problem's rows; −1: not there
    };
    std::vector<Task> tasks_;
};

}  // namespace vtvc
