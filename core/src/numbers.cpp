#include "vtvc/core/numbers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace vtvc {

namespace {

constexpr std::size_t kStretch = 1024;  // of each array at a time: what several loops read stays in cache

using Sums = std::array<double, 8>;

/// Products of floats are exact in double: the sums are the same with and without fused operations. Only the
/// last part of an array may have a length that is no multiple of eight.
void add_products(Sums& sums, std::span<const float> a, std::span<const float> b) {
    std::size_t i = 0;
    for (; i + sums.size() <= a.size(); i += sums.size())
        for (std::size_t lane = 0; lane < sums.size(); ++lane)
            sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    for (; i < a.size(); ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
}

double total(const Sums& sums) {
    double sum = 0;
    for (const double part : sums) sum += part;
    return sum;
}

/// work(from, count) for one stretch after the other.
template <class Work>
void in_stretches(std::size_t size, const Work& work) {
    for (std::size_t from = 0; from < size; from += kStretch) work(from, std::min(kStretch, size - from));
}

}  // namespace

double dot(std::span<const float> a, std::span<const float> b) {
    Sums sums{};
    add_products(sums, a, b);
    return total(sums);
}

std::vector<double> products(std::span<const std::span<const float>> arrays) {
    std::vector<Sums> sums(arrays.size() * (arrays.size() + 1) / 2);
    in_stretches(arrays.empty() ? 0 : arrays[0].size(), [&](std::size_t from, std::size_t count) {
        auto* to = sums.data();
        for (std::size_t k = 0; k < arrays.size(); ++k)
            for (std::size_t l = 0; l <= k; ++l)
                add_products(*to++, arrays[k].subspan(from, count), arrays[l].subspan(from, count));
    });
    std::vector<double> results;
    results.reserve(sums.size());
    for (const auto& each : sums) results.push_back(total(each));
    return results;
}

Difference subtract(std::span<float> values, std::span<const float> base) {
    Difference found;
    Sums sums{};
    in_stretches(values.size(), [&](std::size_t from, std::size_t count) {
        std::array<float, kStretch> given;
        const auto part = values.subspan(from, count);
        std::copy(part.begin(), part.end(), given.begin());
        // Most stretches have no such number: asked first, in a loop without a way out.
        int differ = 0;
        for (std::size_t i = 0; i < count; ++i) {
            part[i] = given[i] - base[from + i];
            differ |= static_cast<int>(base[from + i] + part[i] != given[i]);
        }
        add_products(sums, part, part);
        for (std::size_t i = 0; differ != 0 && i < count; ++i) {
            if (base[from + i] + part[i] == given[i]) continue;
            found.at.push_back(from + i);
            found.given.push_back(given[i]);
        }
    });
    found.square = total(sums);
    return found;
}

std::optional<std::size_t> first_not_finite(std::span<const float> values) {
    constexpr std::uint32_t exponent = 0x7F800000;
    // Without a way out inside a stretch, so that the compiler makes vectors of it.
    for (std::size_t from = 0; from < values.size(); from += kStretch) {
        const auto part = values.subspan(from, std::min(kStretch, values.size() - from));
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
