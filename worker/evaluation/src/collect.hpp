#pragma once
// Answers of all ranks, gathered in row order.
#include <map>
#include <string>
#include <vector>

#include "vtvc/methods/method.hpp"
#include "vtvc/storage/predictions.hpp"

namespace vtvc {

/// Coefficients of every row are stored up to this many bytes a set; beyond it they are left out.
inline constexpr std::int64_t coefficient_bytes_limit = std::int64_t{256} << 20;

/// One task under one mode; ids are those of the data set. Equal on all ranks.
PredictionSet collect(const Problem& problem, std::int64_t task, const Rows& rows,
                      const TrainedMethod& method, Mode mode, std::int64_t samples, Communicator& comm);
/// Probabilities with the coefficients z [N, K, J] given row by row.
std::vector<float> collect_with(const Problem& problem, std::int64_t task, const Rows& rows,
                                const at::Tensor& z, Communicator& comm);

}  // namespace vtvc
