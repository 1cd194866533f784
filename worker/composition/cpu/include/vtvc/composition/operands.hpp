#pragma once
// What the CPU engine and its reference multiply: arrays of the caller's, with strides in elements, so that
// transposed and sliced tensors need no copy. Nothing here owns numbers.
#include <cstdint>
#include <vector>

namespace vtvc {

/// [samples, tokens, width]
struct Activations {
    const float* data = nullptr;
    std::int64_t samples = 0, tokens = 0, width = 0;
    std::int64_t sample_stride = 0, token_stride = 0, width_stride = 1;
};

/// z [samples, tasks]; an exact zero costs nothing and may stand before a task vector of any content.
struct Coefficients {
    const float* data = nullptr;
    std::int64_t sample_stride = 0, task_stride = 1;

    float at(std::int64_t sample, std::int64_t task) const {
        return data[sample * sample_stride + task * task_stride];
    }
};

/// [1 or samples, outputs], dense in outputs; a stride of 0: one for all samples; no data: none.
struct Bias {
    const float* data = nullptr;
    std::int64_t sample_stride = 0;
};

/// W0, τ_0, τ_1, … as [1 + tasks] matrices [outputs, inputs].
struct StackedMatrices {
    const float* data = nullptr;
    std::int64_t tasks = 0, outputs = 0, inputs = 0;
    std::int64_t matrix_stride = 0, output_stride = 0, input_stride = 1;

    /// The same matrices, read from the other side: what gradients are multiplied with.
    StackedMatrices transposed() const {
        return {data, tasks, inputs, outputs, matrix_stride, input_stride, output_stride};
    }
};

/// left [rows, rank] · right [rank, columns of the block], on rows [first_row, first_row + rows) of it;
/// dense.
struct LowRank {
    std::int64_t first_row = 0, rows = 0, rank = 0;
    const float* left = nullptr;
    const float* right = nullptr;
};

/// One task vector's numbers in one block as a bank stores them: [rows, columns], dense. What is not of its
/// kind is empty; nothing at all: τ is zero here.
struct StoredMatrix {
    enum class Kind { zero, f32, bf16, int8, low_rank };
    Kind kind = Kind::zero;
    const float* f32 = nullptr;
    const std::uint16_t* bf16 = nullptr;
    const std::int8_t* int8 = nullptr;
    const float* scales = nullptr;  ///< [rows]: τ = scale · whole number
    std::vector<LowRank> factors;   ///< their sum is τ
};

/// W0 and task vectors of one block, each of its own kind. The matrices' rows are the block's outputs, or its
/// inputs.
struct StoredMatrices {
    const float* base = nullptr;
    std::int64_t rows = 0, columns = 0;
    std::vector<StoredMatrix> tasks;
    bool rows_are_outputs = true;

    std::int64_t outputs() const { return rows_are_outputs ? rows : columns; }
    std::int64_t inputs() const { return rows_are_outputs ? columns : rows; }
    StoredMatrices transposed() const { return {base, rows, columns, tasks, !rows_are_outputs}; }
};

}  // namespace vtvc
