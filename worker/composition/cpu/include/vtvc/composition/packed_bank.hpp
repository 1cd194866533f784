#pragma once
// One block of a bank in the order in which the engine reads it: panels of 16 outputs, in each panel for
// every input the line of W0 and then those of τ_0, τ_1, … (16 floats, one cache line each). What one sample
// needs of an input lies together, and a range of inputs of a panel is one piece of memory.
#include <cstdint>
#include <memory>

#include "vtvc/composition/operands.hpp"

namespace vtvc {

class PackedBank {
  public:
    static constexpr std::int64_t lanes = 16;  ///< outputs of a panel, floats of a line

    PackedBank() = default;
    /// Copies. The last panel is filled up with zeros.
    explicit PackedBank(const StackedMatrices& matrices) { assign(matrices); }
    /// The same in place of what it held; memory is reused where it is large enough.
    void assign(const StackedMatrices& matrices);

    std::int64_t tasks() const { return tasks_; }
    std::int64_t outputs() const { return outputs_; }
    std::int64_t inputs() const { return inputs_; }
    std::int64_t panels() const { return (outputs_ + lanes - 1) / lanes; }
    /// Floats from one input to the next.
    std::int64_t line() const { return (1 + tasks_) * lanes; }
    /// Panel p from the given input on.
    const float* at(std::int64_t panel, std::int64_t input) const {
        return data_.get() + (panel * inputs_ + input) * line();
    }
    std::int64_t size_bytes() const;
    /// What a packed copy of such matrices takes.
    static std::int64_t size_bytes(const StackedMatrices& matrices);

  private:
    struct Free {
        void operator()(float* data) const;
    };
    std::int64_t tasks_ = 0, outputs_ = 0, inputs_ = 0, capacity_ = 0;
    std::unique_ptr<float[], Free> data_;
};

}  // namespace vtvc
