#pragma once
// Rows of a dataset in memory, as batches for a network.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc {

class ImageSet {
  public:
    ImageSet() = default;
    /// StorageError when the dataset's images are not of the model's size.
    ImageSet(const Dataset& dataset, SplitData rows, const ModelKeys& model);
    /// The same for images from elsewhere; where names them in the error.
    ImageSet(const std::string& where, std::int64_t height, std::int64_t width, std::int64_t channels,
             SplitData rows, const ModelKeys& model);
    std::int64_t rows() const { return rows_.rows(); }
    /// [B, C, H, W], float, normalised as the model wants.
    at::Tensor images(std::span<const std::int64_t> rows) const;
    /// The same, augmented; random numbers by (seed, sample id, step).
    at::Tensor augmented(std::span<const std::int64_t> rows, const AugmentKeys& how, std::uint64_t seed,
                         std::int64_t step) const;
    /// [B] int64. Labels of a test split are not here: they read as −1.
    at::Tensor labels(std::span<const std::int64_t> rows) const;
    std::int64_t id(std::int64_t row) const { return rows_.ids[static_cast<std::size_t>(row)]; }
    const SplitData& data() const { return rows_; }

  private:
    at::Tensor normalised(const at::Tensor& pixels) const;
    SplitData rows_;
    std::int64_t height_ = 0, width_ = 0, channels_ = 1;
    std::vector<double> mean_{0}, sd_{1};  ///< of each channel, or one of all
};

/// Which rows a step sees: every epoch is a permutation of all rows, cut into batches, the last one shorter.
/// A pure function of (seed, step): data order survives a stop and does not know the ranks.
class Order {
  public:
    Order(std::int64_t rows, std::int64_t batch, std::uint64_t seed);
    /// Row numbers of the global batch of a step.
    std::span<const std::int64_t> batch(std::int64_t step);

  private:
    std::int64_t rows_, batch_, steps_per_epoch_, epoch_ = -1;
    std::uint64_t seed_;
    std::vector<std::int64_t> permutation_;
};

}  // namespace vtvc
