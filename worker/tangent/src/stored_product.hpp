#pragma once
// Products of one stored Jacobian row with a change of the coefficients, and back. A row is C classes of
// `segments` pieces of `length` numbers; a piece of int8 has a scale of its own. No torch here.
#include <cstdint>

namespace vtvc {

enum class NumberKind { f32, bf16, int8 };

struct StoredRow {
    NumberKind kind = NumberKind::f32;
    const void* numbers = nullptr;  ///< [classes, segments, length]
    const float* scales = nullptr;  ///< [classes, segments], int8 only
    std::int64_t classes = 0, segments = 0, length = 0;
};

/// logits[c] += Σ row[c]·change; change [segments·length].
void add_change(const StoredRow& row, const float* change, float* logits);
/// gradient[i] += Σ_c slope[c]·row[c, i]
void add_gradient(const StoredRow& row, const float* slope, float* gradient);

}  // namespace vtvc
