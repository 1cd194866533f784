#pragma once
// A composition with known inputs, for the tests on the host and on a device.
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "vtvc/composition/compose.hpp"

namespace vtvc {

struct Problem {
    std::int64_t samples, tasks, elements;
    std::vector<float> base, tau, z;

    Problem(std::int64_t samples_, std::int64_t tasks_, std::int64_t elements_)
        : samples(samples_), tasks(tasks_), elements(elements_) {
        for (std::int64_t i = 0; i < elements; ++i) base.push_back(wave(i, 0.7));
        for (std::int64_t i = 0; i < tasks * elements; ++i) tau.push_back(0.1F * wave(i, 1.3));
        // Every third coefficient is gated off.
        for (std::int64_t i = 0; i < samples * tasks; ++i) z.push_back(i % 3 == 1 ? 0.0F : wave(i, 2.9));
    }
    static float wave(std::int64_t i, double rate) { return static_cast<float>(std::sin(rate * (1.0 + i))); }
    ComposeArguments into(std::vector<float>& out) const {
        return {base.data(), tau.data(), z.data(), out.data(), samples, tasks, elements};
    }
    std::vector<float> run(void (*compose)(const ComposeArguments&, std::span<const Tile>),
                           std::span<const Tile> tiles) const {
        std::vector<float> out(static_cast<std::size_t>(composed_size(samples, tiles)),
                               std::numeric_limits<float>::quiet_NaN());
        compose(into(out), tiles);
        return out;
    }
};

}  // namespace vtvc
