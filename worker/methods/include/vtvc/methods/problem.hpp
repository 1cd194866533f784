#pragma once
// Everything a composition is trained or judged on: the bank, the network, and for each data set its head,
// images and base features. Every file's content hash is compared with what the others were made from.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/core/jobs.hpp"
#include "vtvc/models/vit.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/training/images.hpp"
#include "vtvc/training/model_files.hpp"

namespace vtvc {

inline constexpr std::int64_t feature_chunk = 64;
/// Features of rows [first, first + count) under one set of weights, without gradient; count −1: to the end.
/// [count, output]
at::Tensor plain_features(const Vit& vit, const std::vector<at::Tensor>& blocks, const ImageSet& images,
                          std::int64_t first = 0, std::int64_t count = -1);

/// Some rows of one split: images beside the base's features, row by row.
struct Rows {
    ImageSet images;
    at::Tensor features;  ///< [rows, D]
    std::int64_t count() const { return images.rows(); }
};

struct ProblemTask {
    TaskRow row;
    std::unique_ptr<Dataset> dataset;
    std::unique_ptr<Features> features;
    Head head;
    std::int64_t own_vector = -1;  ///< index among the bank's vectors in use; −1: none (transfer)
    Rows train, validation;
};

/// Samples of several data sets side by side.
struct Batch {
    at::Tensor images, features, task, labels;  ///< [B, C, H, W], [B, D], [B] int64, [B] int64
    std::vector<std::int64_t> ids;              ///< unique over the data sets: noise is drawn by them
    std::vector<std::int64_t> rows;             ///< where each lies among its data set's rows
    std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
};

/// What a batch is made of; the tangent of a network needs no images.
enum class BatchParts { all, without_images };

class Problem {
  public:
    /// Opens bank, heads, data sets and features of the rows given, and checks that they belong together:
    /// heads and features of the bank's base, features of these very data sets, heads with as many classes.
    /// StorageError names both hashes. Images and features are not read yet. A row without a features file
    /// has its features computed when it is read; one without data or head cannot be read or answered for
    /// (predict).
    Problem(const std::string& bank, const std::vector<std::string>& exclude, Partition partition,
            const std::vector<TaskRow>& tasks);
    /// Reads the training window and the validation rows (0: all) of every task.
    void read_training(const WindowKeys& window, std::int64_t validation_rows);
    Rows read(std::int64_t task, Split split, std::int64_t first, std::int64_t count) const;

    const Vit& vit() const { return vit_; }
    const BankView& bank() const { return *bank_; }
    const std::string& bank_hash() const { return bank_hash_; }
    const std::string& base_hash() const { return base_hash_; }
    std::vector<ProblemTask>& tasks() { return tasks_; }
    const std::vector<ProblemTask>& tasks() const { return tasks_; }
    std::int64_t feature_width() const { return vit_.keys().output; }
    std::int64_t train_rows() const;
    /// Rows count over the tasks' training rows, one task after another.
    Batch train_batch(std::span<const std::int64_t> rows, BatchParts parts = BatchParts::all) const;
    /// A batch of one task's rows.
    Batch batch_of(std::int64_t task, const Rows& from, std::span<const std::int64_t> rows,
                   BatchParts parts = BatchParts::all) const;
    /// Features of images by the base itself, [rows, D].
    at::Tensor base_features(const ImageSet& images) const;
    /// The base's weights (z = 0), for features of new images.
    const std::vector<at::Tensor>& base_blocks() const { return base_blocks_; }

  private:
    Vit vit_;
    std::unique_ptr<BankView> bank_;
    std::string bank_hash_, base_hash_;
    std::vector<ProblemTask> tasks_;
    std::vector<at::Tensor> base_blocks_;
};

/// Cross-entropy of each sample under its own data set's head [B], and whether the guess was right [B]
/// (float).
struct SampleLosses {
    at::Tensor cross_entropy, correct;
};
SampleLosses sample_losses(const Problem& problem, const at::Tensor& features, const Batch& batch);
/// The same from logits [n, C] that a data set's head gives for those of the batch's samples ([n] int64).
SampleLosses sample_losses(
    const Problem& problem, const Batch& batch,
    const std::function<at::Tensor(std::int64_t task, const at::Tensor& samples)>& logits_of);

}  // namespace vtvc
