#pragma once
// ∂L/∂z tile by tile: a tile of dW lives in registers, and its products with the same tile of every wanted
// τ_k are summed at once; no array of a weight's size is ever made.
#include <vector>

#include "buffer.hpp"
#include "vtvc/composition/engine.hpp"
#include "vtvc/composition/workers.hpp"

namespace vtvc::cpu {

class CoefficientGradient {
  public:
    /// One thread's sums and lines each.
    explicit CoefficientGradient(int threads)
        : x_(static_cast<std::size_t>(threads)),
          sums_(static_cast<std::size_t>(threads)),
          lines_(static_cast<std::size_t>(threads)) {}
    /// Adds nothing to those of task vectors without lines: they stay zero.
    void run(Workers& workers, const PackedBank& bank, const Activations& x, const Activations& dy,
             const Coefficients& z, Wanted wanted, Products products, float* dz);
    std::int64_t scratch_bytes() const;

  private:
    void list_wanted(const PackedBank& bank, std::int64_t samples, const Coefficients& z, Wanted wanted);

    std::vector<std::int64_t> offsets_;  ///< of the wanted τ_k, sample after sample
    std::vector<std::int64_t> tasks_;    ///< and which they are
    std::vector<std::int64_t> begin_;    ///< of each sample's among them
    std::vector<bool> used_;             ///< by task
    Buffer dy_, parts_;
    std::vector<Buffer> x_, sums_, lines_;  ///< of each thread
};

}  // namespace vtvc::cpu
