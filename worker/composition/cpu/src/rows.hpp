#pragma once
// Which rows are multiplied together: samples with the same coefficients form a unit (all those without any,
// above all), units follow each other by their active sets, and their rows are cut into register blocks.
#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "vtvc/composition/operands.hpp"
#include "vtvc/composition/packed_bank.hpp"

namespace vtvc::cpu {

/// Rows of one register block.
struct RowBlock {
    std::int64_t first = 0;  ///< among the rows of all blocks, filled-up ones included
    int size = 0;            ///< rows of the register block
    int rows = 0;            ///< of them real
};

/// Samples that share their weights.
struct Unit {
    std::int64_t terms = 0, term_count = 0;
    std::int64_t blocks = 0, block_count = 0;
    bool fused = false;  ///< composed while its first block is multiplied; else before
};

/// Which of the caller's samples stand behind those of a call (in x and z), and where their products go (in y
/// and the bias). Null: all, one after another.
struct Placement {
    const std::int64_t* x_samples = nullptr;
    const std::int64_t* y_samples = nullptr;
    const float* x_scales = nullptr;  ///< each sample's activations are multiplied with; null: nothing
    std::int64_t y_row = 0;           ///< floats from one token to the next
    std::int64_t bias_stride = 0;
    std::int64_t unit_samples = 0;  ///< samples of a unit at most; 0: any
};

class Rows {
  public:
    /// Memory is kept from call to call.
    void plan(const PackedBank& bank, const Activations& x, const Coefficients& z, const Placement& place,
              const Kernels& kernels);
    const std::vector<Unit>& units() const { return units_; }
    const RowBlock& block(std::int64_t index) const { return blocks_[static_cast<std::size_t>(index)]; }
    /// Says so of a task whose line stands for W0's.
    void use(std::int64_t task) { used_[static_cast<std::size_t>(task)] = true; }
    /// By task: whether some sample's coefficient is not zero.
    const std::vector<bool>& used() const { return used_; }
    std::int64_t blocks() const { return static_cast<std::int64_t>(blocks_.size()); }
    /// Rows of all blocks.
    std::int64_t count() const { return static_cast<std::int64_t>(x_rows_.size()); }
    Terms terms(const Unit& unit) const {
        return {offsets_.data() + unit.terms, values_.data() + unit.terms, static_cast<int>(unit.term_count)};
    }
    /// The block's rows of x, inputs [first, first + count) → [count][size]; zeros where a row is filled up.
    void pack(const Activations& x, const RowBlock& block, std::int64_t first, std::int64_t count,
              float* out) const;
    /// Offsets of a block's rows in y and in the bias.
    const std::int64_t* y_rows(const RowBlock& block) const { return y_rows_.data() + block.first; }
    const std::int64_t* bias_rows(const RowBlock& block) const { return bias_rows_.data() + block.first; }

  private:
    struct Sample {
        std::int64_t index = 0, terms = 0, term_count = 0;
    };
    void scale(const RowBlock& block, std::int64_t inputs, float* out) const;
    int compare(const Sample& a, const Sample& b) const;
    void cut(Unit& unit, std::int64_t first, std::int64_t last, const Activations& x, const Placement& place,
             const Kernels& kernels);

    std::vector<std::int64_t> offsets_;
    std::vector<float> values_;
    std::vector<bool> used_;
    std::vector<Sample> samples_;
    std::vector<Unit> units_;
    std::vector<RowBlock> blocks_;
    std::vector<std::int64_t> x_rows_, y_rows_, bias_rows_;
    std::vector<float> x_scales_;  ///< by row; empty: none
};

}  // namespace vtvc::cpu
