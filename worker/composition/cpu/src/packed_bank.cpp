#include "vtvc/composition/packed_bank.hpp"

#include <cstdlib>

#include "buffer.hpp"

namespace vtvc {
namespace {

std::int64_t floats_of(const StackedMatrices& m) {
    const std::int64_t panels = (m.outputs + PackedBank::lanes - 1) / PackedBank::lanes;
    // One input more: a kernel composes the next input's line while it multiplies the last one.
    return (panels * m.inputs + 1) * (1 + m.tasks) * PackedBank::lanes;
}

}  // namespace

void PackedBank::Free::operator()(float* data) const { std::free(data); }

std::int64_t PackedBank::size_bytes() const { return capacity_ * static_cast<std::int64_t>(sizeof(float)); }

std::int64_t PackedBank::size_bytes(const StackedMatrices& matrices) {
    return floats_of(matrices) * static_cast<std::int64_t>(sizeof(float));
}

void PackedBank::assign(const StackedMatrices& m) {
    const std::int64_t floats = floats_of(m);
    if (floats > capacity_) {
        data_.reset();
        data_.reset(cpu::allocate_floats(floats));
        capacity_ = floats;
    }
    tasks_ = m.tasks;
    outputs_ = m.outputs;
    inputs_ = m.inputs;
    float* to = data_.get();
    for (std::int64_t first = 0; first < m.outputs; first += lanes) {
        const std::int64_t width = m.outputs - first < lanes ? m.outputs - first : lanes;
        for (std::int64_t i = 0; i < m.inputs; ++i) {
            for (std::int64_t k = 0; k <= m.tasks; ++k, to += lanes) {
                const float* from =
                    m.data + k * m.matrix_stride + first * m.output_stride + i * m.input_stride;
                for (std::int64_t o = 0; o < width; ++o) to[o] = from[o * m.output_stride];
                for (std::int64_t o = width; o < lanes; ++o) to[o] = 0;
            }
        }
    }
    for (std::int64_t e = 0; e < line(); ++e) *to++ = 0;
}

}  // namespace vtvc
