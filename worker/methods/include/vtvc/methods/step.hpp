#pragma once
// One optimiser step's gradients of an amortised posterior: the path from a batch to the ELBO, whatever gives
// the losses (the composed network or its tangent).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "vtvc/methods/problem.hpp"
#include "vtvc/posterior/posterior.hpp"

namespace vtvc {

/// Losses of the batch's samples under coefficients z [B, K, J], with gradients into z.
using LossesOf = std::function<SampleLosses(const at::Tensor& z)>;

/// Names of what posterior_step() sums; "loss" is the first.
const std::vector<std::string>& posterior_metrics();

/// Adds to the parameters' gradients those of Σ (cross-entropy + weighted KL) / global, a mean over the draws
/// of relaxation.samples, and returns the sums of posterior_metrics() over the batch. global: samples of the
/// step over all ranks.
std::vector<double> posterior_step(Posterior& posterior, const Batch& batch, std::int64_t step,
                                   std::int64_t global, const LossesOf& losses_of);

}  // namespace vtvc
