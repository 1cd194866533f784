#pragma once
// What the CPU engine and its reference multiply: float32 arrays of the caller's, with strides in elements,
// so that transposed and sliced tensors need no copy. Nothing here owns memory.
#include <cstdint>

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

}  // namespace vtvc
