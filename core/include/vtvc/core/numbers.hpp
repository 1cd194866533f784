#pragma once
// Long arrays of floats: sums and checks at the speed of memory.
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace vtvc {

/// In double, by eight sums side by side, in an order that depends on the length alone.
double dot(std::span<const float> a, std::span<const float> b);
/// dot(arrays[k], arrays[l]) for every l ≤ k, k counting up, to the same bits; each array is read once. All
/// of one size.
std::vector<double> products(std::span<const std::span<const float>> arrays);

/// What a difference in floats does not give back.
struct Difference {
    double square = 0;            ///< dot() of the difference with itself
    std::vector<std::size_t> at;  ///< where base + difference is not what was given
    std::vector<float> given;     ///< what was given there
};
/// values become values − base.
Difference subtract(std::span<float> values, std::span<const float> base);

/// Index of the first value that is NaN or infinite, if any.
std::optional<std::size_t> first_not_finite(std::span<const float> values);

}  // namespace vtvc
