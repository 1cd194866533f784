#pragma once
// Packed copies of a bank's blocks, made when first asked for and kept while the budget lasts: one for
// products with the block, one transposed for gradients of activations.
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "schemes.hpp"
#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/packed_bank.hpp"

namespace vtvc {

enum class Side { forward, backward };

class PackedBlocks {
  public:
    /// Calls use(bank) with the block packed for that side; forward: as products with the block read it.
    void with(std::int64_t block, const StoredMatrices& forward, Side side,
              const std::function<void(const PackedBank&)>& use);
    std::int64_t copies() const { return static_cast<std::int64_t>(held_.size()); }
    std::int64_t held_bytes() const { return held_bytes_; }

  private:
    std::mutex mutex_;
    std::map<std::pair<std::int64_t, Side>, PackedBank> held_;
    std::int64_t held_bytes_ = 0;
    PackedBank passing_;  ///< a block for which there is no room
};

/// A weight block for products with it. Float32.
StoredMatrices engine_matrices(const BankView& bank, std::int64_t block, Layout layout);

}  // namespace vtvc
