#pragma once
// The task vectors of one weight block as a bank file has them, each of its own storage kind. The engine
// multiplies them so; whatever else asks gets them as floats, made anew each time.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "vtvc/composition/operands.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

class StoredBlock {
  public:
    StoredBlock() = default;
    /// The given task vectors of a block of at least two axes. A block is a matrix of its first axis × rest.
    static StoredBlock read(const Bank& bank, std::int64_t block, const std::vector<std::int64_t>& tasks);
    /// Rounds τ [K, shape of base…] as a bank would: f32, bf16 or int8. For measurements and tests.
    static StoredBlock rounded(const at::Tensor& base, const at::Tensor& tau, StorageKind kind);

    /// f32, of the block's shape.
    const at::Tensor& base() const { return base_; }
    std::int64_t tasks() const { return static_cast<std::int64_t>(tasks_.size()); }
    /// Whether every task vector is in f32: then it may as well be a tensor.
    bool all_f32() const;
    /// What the engine packs; points into this.
    StoredMatrices matrices(bool rows_are_outputs) const;
    /// W0 and task vectors in f32. [1 + K, elements]
    at::Tensor expanded() const;
    /// Bytes of the task vectors.
    std::int64_t stored_bytes() const;

  private:
    struct Task {
        StorageKind kind = StorageKind::zero;
        at::Tensor numbers;  ///< [rows, columns]: float, bfloat16 or int8
        at::Tensor scales;   ///< [rows], int8
        std::vector<Factors> factors;
    };
    at::Tensor expanded(const Task& task) const;

    at::Tensor base_;
    std::int64_t rows_ = 0, columns_ = 0;
    std::vector<Task> tasks_;
};

}  // namespace vtvc
