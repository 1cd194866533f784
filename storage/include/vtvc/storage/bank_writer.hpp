#pragma once
// Makes a bank block by block, from whatever source: our model files (build_bank), foreign checkpoints. Only
// one block of every task vector is in memory at a time.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vtvc/storage/bank.hpp"

namespace vtvc {

/// Numbers that a writer may keep: nobody changes them any more.
using Numbers = std::shared_ptr<const std::vector<float>>;

/// What is known of a bank before its numbers.
struct BankPlan {
    struct Task {
        std::string name;  ///< unique; no slash, not "." or ".."
        std::string hash;  ///< content hash of the fine-tuned model it came from; empty: of no file
        TaskStorage storage;
    };
    std::string base_hash;      ///< content hash of the base's file
    std::string model = "{}";   ///< JSON: the architecture, as in a model file's meta "model"
    std::string notes = "{}";   ///< JSON: where base and tasks came from; shown by `vtvc inspect`
    std::vector<Block> blocks;  ///< in the order of block indices; names unique
    std::vector<Task> tasks;    ///< one at least
};

/// Takes the blocks in their order; of each block the base first, then every task vector once, in any order.
/// StorageError, naming block and task: calls out of order, spans that do not have the block's size, NaN or
/// Inf, and all that can go wrong with a file. The file appears under its name by finish(), whole or not at
/// all.
class BankWriter {
  public:
    /// Free space is checked first (for what the plan needs at most).
    BankWriter(const std::filesystem::path& path, BankPlan plan);
    ~BankWriter();
    BankWriter(BankWriter&&) noexcept;
    BankWriter& operator=(BankWriter&&) noexcept;

    /// Returns ‖values‖².
    double put_base(std::int64_t block, std::span<const float> values);
    double put_base(std::int64_t block, Numbers values);  ///< the same, without a copy
    /// τ of one block, stored as its task's storage says; what that would not make smaller (vectors under
    /// int8 and low rank, matrices whose rank is hardly larger) stays f32.
    void put_task(std::int64_t block, std::int64_t task, std::span<const float> values);
    void put_task(std::int64_t block, std::int64_t task, Numbers values);  ///< the same, without a copy
    /// τ given as a sum of low-rank parts (LoRA: B·A·scale, on rows of a fused block), kept exactly as given
    /// whatever the task's storage. No part at all: τ is zero in this block.
    void put_factors(std::int64_t block, std::int64_t task, std::span<const Factors> parts);
    /// Numbers of θ_k, at the given places of the block, that f32 does not get back from θ0 + τ_k: with them
    /// an export is bit for bit what came in. After the task's put_task; none: nothing is stored.
    void put_exact(std::int64_t block, std::int64_t task, std::span<const std::int32_t> at,
                   std::span<const float> values);
    /// In place of the plan's, where the hash is known only when all has been read. Before finish().
    void put_hash(std::int64_t task, std::string hash);
    void finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
