#pragma once
// What the measurements of composition share: random banks and coefficients, threads, memory.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "interleaved.hpp"
#include "vtvc/composition/composed.hpp"
#include "vtvc/core/jobs.hpp"

namespace vtvc {

/// Torch's threads, the engine's (which follow them) and those of an OpenBLAS under torch.
void use_threads(std::int64_t threads);

/// Task vectors of random numbers; `kind` says how weight matrices are stored.
BankView random_bank(const std::vector<Block>& blocks, const std::vector<at::Tensor>& base,
                     std::int64_t tasks, StorageKind kind = StorageKind::f32);

/// z [samples, tasks, blocks] with a random active set of its own for every sample and block.
at::Tensor random_coefficients(std::int64_t samples, std::int64_t tasks, std::int64_t blocks,
                               std::int64_t active);

/// One weight matrix: plain products and composed ones, side by side.
class ProductRounds {
  public:
    ProductRounds(Clock clock, std::int64_t samples, std::int64_t tokens, std::int64_t inputs,
                  std::int64_t outputs);
    /// Returns its number. The bank lives as long as this.
    std::size_t add(std::int64_t tasks, std::int64_t active, StorageKind kind = StorageKind::f32);
    Interleaved& rounds() { return rounds_; }
    /// Over the plain product that took least.
    double ratio(std::size_t candidate) const { return rounds_.ratio(candidate, fastest()); }
    double seconds(std::size_t candidate) const { return rounds_.seconds(candidate); }
    std::string fastest_name() const;
    double plain_gflops() const;

  private:
    std::size_t fastest() const { return rounds_.seconds(blas_) <= rounds_.seconds(own_) ? blas_ : own_; }
    const BankView& bank(std::int64_t tasks, StorageKind kind);

    Interleaved rounds_;
    std::int64_t samples_, tokens_, inputs_, outputs_;
    at::Tensor x_, base_;
    std::map<std::pair<std::int64_t, StorageKind>, BankView> banks_;
    std::size_t blas_ = 0, own_ = 0;
};

/// Most bytes that torch held at one time of what was allocated during `run`. While it runs, `spare` gives
/// bytes that shall not count.
std::int64_t peak_bytes(const std::function<void()>& run, const std::function<std::int64_t()>& spare);

/// Peak of a composed training step over that of plain fine-tuning less its weight gradients.
double memory_ratio(const BenchJob& job, const BankView& bank, const std::vector<at::Tensor>& base);

struct TangentRatio {
    double speedup = 0;             ///< samples of posterior training a second, over those of exact training
    double samples_per_second = 0;  ///< on the tangent
    std::int64_t row_bytes = 0;     ///< of the cache, for each sample
};
/// Whole optimiser steps: posterior, draws, divergence, losses, AdamW. measure runs the rounds.
TangentRatio tangent_speedup(const BenchJob& job, const BankView& bank, Clock clock,
                             const std::function<void(Interleaved&, const char*)>& measure);

}  // namespace vtvc
