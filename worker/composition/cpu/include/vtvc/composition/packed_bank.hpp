#pragma once
// One block of a bank in the order in which the engine reads it: panels of 16 outputs, in each panel for
// every input the line of W0 and then those of the task vectors (16 numbers each: floats fill one cache
// line). What one sample needs of an input lies together, and a range of inputs of a panel is one piece of
// memory. Task vectors in bf16 and int8 keep their size here and become floats in a core's own cache, once a
// panel for all samples; low-rank ones are no lines but thin matrices of their own.
#include <cstdint>
#include <memory>
#include <vector>

#include "vtvc/composition/operands.hpp"

namespace vtvc {

class PackedBank {
  public:
    static constexpr std::int64_t lanes = 16;  ///< outputs of a panel, numbers of a line

    /// A task vector's line among those of an input.
    struct Line {
        StoredMatrix::Kind kind = StoredMatrix::Kind::f32;
        std::int64_t task = 0;
        std::int64_t from = 0;  ///< from W0's packed line on, in floats
        std::int64_t to = 0;    ///< from W0's readable line on, in floats
        /// int8: first of its scales, one an output or one an input; int8_by_input says which.
        std::int64_t scales = 0;
    };
    /// A low-rank part of a task vector: x[in_first …] · inᵀ is rank wide, and that times outᵀ is added to
    /// y[out_first …]; back is what dy[out_first …] is multiplied with for ∂L/∂z.
    struct Thin;

    PackedBank();
    /// Copies. The last panel is filled up with zeros.
    explicit PackedBank(const StackedMatrices& matrices);
    explicit PackedBank(const StoredMatrices& matrices);
    ~PackedBank();
    PackedBank(PackedBank&&) noexcept;
    PackedBank& operator=(PackedBank&&) noexcept;
    /// The same in place of what it held; memory is reused where it is large enough.
    void assign(const StackedMatrices& matrices);
    void assign(const StoredMatrices& matrices);

    std::int64_t tasks() const { return tasks_; }
    std::int64_t outputs() const { return outputs_; }
    std::int64_t inputs() const { return inputs_; }
    std::int64_t panels() const { return (outputs_ + lanes - 1) / lanes; }
    /// Floats from one input to the next of readable lines.
    std::int64_t line() const { return (1 + static_cast<std::int64_t>(lines_.size())) * lanes; }
    /// Of τ_k's readable line from W0's, in floats; 0: it has none (zero, low rank).
    std::int64_t offset(std::int64_t task) const { return offsets_[static_cast<std::size_t>(task)]; }
    const std::vector<Thin>& thin() const { return thin_; }

    /// Whether packed lines are readable as they are: all are floats.
    bool readable() const { return packed_line_ == line(); }
    /// Panel p from the given input on; of a readable bank.
    const float* at(std::int64_t panel, std::int64_t input) const {
        return data_.get() + (panel * inputs_ + input) * packed_line_;
    }
    /// The same, readable: where it lies, or made in scratch [count + 1][line()] with the lines of those
    /// tasks that `used` has (by task); what lies in the others' places is not defined.
    const float* lines(std::int64_t panel, std::int64_t input, std::int64_t count,
                       const std::vector<bool>& used, float* scratch) const;

    std::int64_t size_bytes() const;
    /// What a packed copy of such matrices takes.
    static std::int64_t size_bytes(const StackedMatrices& matrices);
    static std::int64_t size_bytes(const StoredMatrices& matrices);

  private:
    struct Free {
        void operator()(float* data) const;
    };
    void plan(const StoredMatrices& m);
    void reserve(std::int64_t floats);

    std::int64_t tasks_ = 0, outputs_ = 0, inputs_ = 0, capacity_ = 0;
    std::int64_t packed_line_ = lanes;  ///< floats from one input to the next as packed
    std::vector<Line> lines_;
    std::vector<std::int64_t> offsets_;  ///< by task
    std::vector<float> scales_;
    bool scales_by_input_ = false;
    std::vector<Thin> thin_;
    std::unique_ptr<float[], Free> data_;
};

struct PackedBank::Thin {
    std::int64_t task = 0, rank = 0;
    std::int64_t in_first = 0, in_width = 0, out_first = 0, out_width = 0;
    PackedBank in, out, back;
};

}  // namespace vtvc
