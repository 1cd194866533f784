#pragma once
// Bank files: a base network and the task vectors τ_k = θ_k − θ0 of K fine-tuned ones, block by block
// (method.md section 1). A block is one named tensor; a reader asks for blocks, never for the whole.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
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

/// Builds a bank from model files (kind "model"). Refuses, naming tensor and both shapes: other architecture,
/// missing or extra tensors, NaN or Inf, duplicate task names, a model whose recorded base hash is another
/// base or that records none. Blocks are the f32 tensors, in the order of the base's meta "blocks" if it has
/// them, else by name. random_vectors appends nuisance vectors "random1"… with the mean norm of the real
/// ones, per block.
void build_bank(const std::filesystem::path& path, const std::filesystem::path& base,
                const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                std::int64_t random_vectors = 0, std::uint64_t seed = 0);

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
    /// Verified against the block's checksum.
    void read_base(std::int64_t block, std::span<float> out) const;
    void read_task(std::int64_t block, std::int64_t task, std::span<float> out) const;
    /// Frobenius norm of τ_k over all blocks, from the file's attributes.
    double norm(std::int64_t task) const;
    double base_norm() const;

  private:
    struct Impl;
    explicit Bank(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
