#pragma once
// Bank files: a base network and the task vectors τ_k = θ_k − θ0 of K fine-tuned ones, block by block
// (method.md section 1). A block is one named tensor; a reader asks for blocks, never for the whole.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

struct Block {
    std::string name;
    std::vector<std::int64_t> shape;
    std::int64_t elements() const;
};

/// Which coefficient a block uses: index[j] in [0, count).
struct PartitionMap {
    std::vector<std::int64_t> index;
    std::vector<std::string> names;  ///< of the coefficients
    /// The layer of each coefficient (for spikes per layer): blocks outside layers are layer 0, "embedding",
    /// and the last, "output".
    std::vector<std::int64_t> layer;
    std::int64_t layers = 0;
    std::int64_t count() const { return static_cast<std::int64_t>(names.size()); }
};
/// tensor: every block its own; module: a weight and its bias share one (attn.in_proj, ln_1, …); layer: one
/// per transformer block, one for what comes before, one for what comes after; model: one.
PartitionMap partition_blocks(Partition how, const std::vector<Block>& blocks);

/// How the numbers of one block of one task vector lie in the file.
enum class StorageKind {
    zero,      ///< nothing is stored: τ is zero here (a LoRA leaves most blocks alone)
    f32,       ///< exact
    bf16,      ///< rounded to nearest, 8 bits of precision
    int8,      ///< whole numbers −127…127 times one f32 scale a row of the block's first axis
    low_rank,  ///< a sum of Factors
};
std::string_view name_of(StorageKind kind);

/// How a task vector is to be stored; rank is of low_rank only (the best approximation of that rank, by SVD).
struct TaskStorage {
    StorageKind kind = StorageKind::f32;
    std::int64_t rank = 0;
};

/// left · right, added to rows [first_row, first_row + rows) of a block seen as a matrix (first axis × rest).
struct Factors {
    std::int64_t first_row = 0, rows = 0, rank = 0;
    std::vector<float> left;   ///< rows × rank
    std::vector<float> right;  ///< rank × columns of the block
};

/// ‖stored − given‖ / ‖given‖ (Frobenius) of a task vector: over all blocks, and in the block where it is
/// largest. 0 where nothing was given but zeros.
struct RoundingError {
    double overall = 0, worst = 0;
    std::string worst_block;  ///< empty when everything is exact
};

struct BankOptions {
    std::int64_t random_vectors = 0;  ///< nuisance vectors "random1"… with the mean norm of the real ones
    std::uint64_t seed = 0;           ///< of the nuisance vectors
    TaskStorage storage;              ///< of every task vector
};

/// Builds a bank from model files (kind "model"). Refuses, naming tensor and both shapes: other architecture,
/// missing or extra tensors, NaN or Inf, duplicate task names, a model whose recorded base hash is another
/// base or that records none. Blocks are the f32 tensors, in the order of the base's meta "blocks" if it has
/// them, else by name. The mean norm of nuisance vectors is that of the real ones per block.
void build_bank(const std::filesystem::path& path, const std::filesystem::path& base,
                const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                const BankOptions& options = {});

class Bank {
  public:
    static Bank open(const std::filesystem::path& path);
    ~Bank();
    Bank(Bank&&) noexcept;
    Bank& operator=(Bank&&) noexcept;
    const std::string& path() const;
    const std::string& hash() const;
    /// Content hash of the base model file.
    const std::string& base_hash() const;
    /// The model's configuration, JSON text (as in a model file's meta, "model").
    const std::string& model_meta() const;
    const std::vector<std::string>& task_names() const;
    const std::vector<Block>& blocks() const;
    std::int64_t tasks() const { return static_cast<std::int64_t>(task_names().size()); }
    /// JSON: where base and task vectors came from.
    const std::string& notes() const;
    /// Content hash of the fine-tuned model's file; empty for a nuisance vector.
    const std::string& task_hash(std::int64_t task) const;

    /// As f32, whatever the storage; verified against the checksums. A block is seen as rows of its first
    /// axis (a scalar is one row); out has exactly the bytes of the rows [first, first + count).
    void read_base(std::int64_t block, std::span<float> out) const;
    void read_base_rows(std::int64_t block, std::int64_t first, std::int64_t count,
                        std::span<float> out) const;
    void read_task(std::int64_t block, std::int64_t task, std::span<float> out) const;
    void read_task_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                        std::span<float> out) const;

    /// Puts right what θ0 + τ_k, given as theta, lost by rounding; the identity where nothing was kept for
    /// it.
    void restore(std::int64_t block, std::int64_t task, std::span<float> theta) const;

    /// As stored, for engines that multiply it so. StorageError when the block's storage is another.
    StorageKind storage(std::int64_t block, std::int64_t task) const;
    void read_bf16_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                        std::span<std::uint16_t> out) const;
    /// scales: one for each of the rows.
    void read_int8_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                        std::span<std::int8_t> out, std::span<float> scales) const;
    std::vector<Factors> read_factors(std::int64_t block, std::int64_t task) const;

    /// Of what is stored, from the file's attributes: Frobenius norm of τ_k over all blocks, cosine of two
    /// task vectors (0 where one of them is zero), error against the vectors as they were given.
    double norm(std::int64_t task) const;
    double base_norm() const;
    double cosine(std::int64_t a, std::int64_t b) const;
    const RoundingError& rounding(std::int64_t task) const;
    /// Bytes that τ_k takes in the file.
    std::uint64_t stored_bytes(std::int64_t task) const;

  private:
    struct Impl;
    explicit Bank(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
