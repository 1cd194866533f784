#include "vtvc/core/numbers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace vtvc {

double dot(std::span<const float> a, std::span<const float> b) {
    std::array<double, 8> sums{};
    std::size_t i = 0;
    for (; i + sums.size() <= a.size(); i += sums.size())
        for (std::size_t lane = 0; lane < sums.size(); ++lane)
            sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    for (; i < a.size(); ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    double sum = 0;
    for (const double part : sums) sum += part;
    return sum;
}

std::optional<std::size_t> first_not_finite(std::span<const float> values) {
    constexpr std::uint32_t exponent = 0x7F800000;
    constexpr std::size_t stretch =
        1024;  // without a way out inside, so that the compiler makes vectors of it
    for (std::size_t from = 0; from < values.size(); from += stretch) {
        const auto part = values.subspan(from, std::min(stretch, values.size() - from));
        std::uint32_t found = 0;
        for (const float value : part)
            found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & exponent) == exponent);
        if (found == 0) continue;
        const auto bad = std::find_if(part.begin(), part.end(), [](float v) { return !std::isfinite(v); });
        return from + static_cast<std::size_t>(bad - part.begin());
    }
    return std::nullopt;
}

}  // namespace vtvc
