#pragma once
// Per-sample weights: θ_j(x) = θ0_j + Σ_k z_kj(x) τ_kj for a whole batch, exact (method.md section 1).
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "vtvc/composition/stored_block.hpp"
#include "vtvc/composition/weights.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

class PackedBlocks;

/// A bank's blocks as tensors, ready for composition. Frozen: no gradient is ever made for them.
class BankView {
  public:
    /// Reads every block of the bank but the excluded task vectors; all ranks hold all of it (plan "data").
    static BankView load(const Bank& bank, Partition partition, const std::vector<std::string>& exclude = {},
                         at::ScalarType type = at::kFloat);
    /// From tensors: base[j], tau[j] of shape [K, shape of base[j]].
    BankView(std::vector<Block> blocks, std::vector<std::string> task_names, std::vector<at::Tensor> base,
             std::vector<at::Tensor> tau, Partition partition);
    /// From blocks as a bank stores them. Weights whose task vectors are rounded or of low rank stay so; all
    /// others become tensors, as do all where the type is not float.
    BankView(std::vector<Block> blocks, std::vector<std::string> task_names, std::vector<StoredBlock> stored,
             Partition partition, at::ScalarType type = at::kFloat);
    std::int64_t tasks() const { return static_cast<std::int64_t>(task_names_.size()); }
    std::int64_t coefficients() const { return partition_.count(); }
    const std::vector<std::string>& task_names() const { return task_names_; }
    const std::vector<Block>& blocks() const { return blocks_; }
    const PartitionMap& partition() const { return partition_; }
    const at::Tensor& base(std::int64_t block) const { return base_[static_cast<std::size_t>(block)]; }
    /// [K, elements of the block]
    at::Tensor tau(std::int64_t block) const { return stacked(block).narrow(0, 1, tasks()); }
    /// Base and task vectors of a block in one piece, [1 + K, elements]; made anew for each call where
    /// stored() has the block.
    at::Tensor stacked(std::int64_t block) const;
    /// The block as it is stored, where it stays so; else null.
    const StoredBlock* stored(std::int64_t block) const {
        return stored_[static_cast<std::size_t>(block)].get();
    }
    /// Copies of the blocks in the engine's own order, made when they are needed (settings.hpp has the
    /// budget).
    PackedBlocks& packed() const { return *packed_; }
    /// How many there are now, and what they take.
    std::int64_t packed_copies() const;
    std::int64_t packed_bytes() const;

  private:
    std::vector<Block> blocks_;
    std::vector<std::string> task_names_;
    PartitionMap partition_;
    std::vector<at::Tensor> base_;
    std::vector<at::Tensor> stacked_;                         ///< undefined where stored_ has the block
    std::vector<std::shared_ptr<const StoredBlock>> stored_;  ///< null where stacked_ has it
    std::shared_ptr<PackedBlocks> packed_;
};

enum class Scheme {
    materialise,      ///< (a): weights of each sample, one batched product
    mix_activations,  ///< (b): K + 1 products, mixed
    /// The engine (engine.hpp) for float32 on the CPU, unless settings.hpp says otherwise; else (b) for T ≤ 3
    /// and (a); a block in which no sample has an active coefficient: plain.
    automatic,
};

/// Which ∂L/∂z of weight matrices the engine makes; vectors have all of theirs.
enum class Gradients {
    all,
    active,  ///< none where z is exactly zero: right where the zero itself has no gradient (hard concrete)
};

/// z [B, K, J] (J = bank.coefficients()); gradients flow into z and the activations. No loop over samples.
/// The bank must outlive the weights and the backward passes through them.
std::unique_ptr<Weights> make_composed(const BankView& bank, at::Tensor z, Scheme scheme = Scheme::automatic,
                                       Gradients gradients = Gradients::all);

/// One z [K, J] for all samples: the merged blocks, for PlainWeights. z = 0 gives the base bit for bit.
std::vector<at::Tensor> merge(const BankView& bank, const at::Tensor& z);

}  // namespace vtvc
