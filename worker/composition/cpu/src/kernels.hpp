#pragma once
// The inner loops, one set an instruction set, chosen at run time (kernels.cpp). Sizes of register blocks
// differ between the sets; what one output is summed up from, and in which order, does not.
#include <cstdint>

#include "vtvc/composition/operands.hpp"

namespace vtvc::cpu {

/// Where a block of rows times one panel goes: y (16 outputs of each row, or fewer at the edge).
struct Destination {
    float* y = nullptr;
    const std::int64_t* y_rows = nullptr;  ///< of each row: its offset in y
    const float* start = nullptr;          ///< what the sum is added to: nothing, the bias, or y itself
    const std::int64_t* start_rows = nullptr;
    int rows = 0;    ///< of the block that are real; the others were filled up
    int width = 16;  ///< of the 16 outputs that are real
};

/// A sample's non-zero coefficients in one block, in the order of k.
struct Terms {
    const std::int64_t* offsets = nullptr;  ///< of τ_k's line from W0's line, in floats
    const float* z = nullptr;
    int count = 0;
};

struct MultiplyArguments {
    const float* x = nullptr;        ///< [inputs][rows of the block]
    const float* weights = nullptr;  ///< [inputs][16]
    std::int64_t inputs = 0;
};

struct FusedArguments {
    const float* x = nullptr;     ///< [inputs][rows of the block]
    const float* bank = nullptr;  ///< W0's line of the first input
    std::int64_t line = 0;        ///< floats from one input to the next
    Terms terms;
    float* weights = nullptr;  ///< the composed lines are left here for the other blocks of rows; null: not
    std::int64_t inputs = 0;
};

struct GradientArguments {
    const float* x = nullptr;   ///< [tokens][gradient_rows]
    const float* dy = nullptr;  ///< [tokens][16]
    std::int64_t tokens = 0;
    const float* bank = nullptr;
    std::int64_t line = 0;
    int inputs = 0;                         ///< of the gradient_rows that are real
    const std::int64_t* offsets = nullptr;  ///< of the wanted τ_k from W0
    int count = 0;
    float* sums = nullptr;  ///< [count][16], added to
};

/// One task vector's packed lines → floats.
struct DecodeArguments {
    StoredMatrix::Kind kind;        ///< f32, bf16 or int8
    const float* packed = nullptr;  ///< the first input's line, whatever its numbers are
    std::int64_t packed_line = 0;   ///< floats from one input to the next
    float* out = nullptr;
    std::int64_t line = 0;  ///< of out: floats from one input to the next
    std::int64_t inputs = 0;
    const float* scales = nullptr;  ///< int8: one an input, or 16, one an output of the panel
    bool scales_by_input = false;
};

struct Kernels {
    const char* name;
    /// Rows that a register block may have, ascending; a block in between is filled up with rows of zeros.
    const int* sizes;
    int size_count;
    /// Blocks from this many rows on, and up to that many, can be multiplied while their weights are
    /// composed.
    int fused_least, fused_most;
    /// Terms that so many rows can hide; units with more are composed before, several together.
    int fused_terms;
    int gradient_rows;  ///< inputs of one tile of dW
    void (*multiply)(int size, const MultiplyArguments&, const Destination&);
    void (*fused)(int size, const FusedArguments&, const Destination&);
    /// weights[i] = W0[i] + Σ z τ[i]
    void (*compose)(const float* bank, std::int64_t line, const Terms&, std::int64_t inputs, float* weights);
    void (*gradient)(const GradientArguments&);
    void (*decode)(const DecodeArguments&);
};

/// Those of the instruction set in use.
const Kernels& kernels();

}  // namespace vtvc::cpu
