#pragma once
// Long arrays of floats: sums and checks at the speed of memory.
#include <cstddef>
#include <optional>
#include <span>

namespace vtvc {

/// In double, by eight sums side by side, in an order that depends on the length alone.
double dot(std::span<const float> a, std::span<const float> b);
/// Index of the first value that is NaN or infinite, if any.
std::optional<std::size_t> first_not_finite(std::span<const float> values);

}  // namespace vtvc
