#pragma once
// A random block of a bank with activations, coefficients, bias and gradient for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "vtvc/composition/engine.hpp"
#include "vtvc/composition/reference.hpp"

namespace vtvc::test {

struct Size {
    std::int64_t samples, tokens, inputs, outputs, tasks;
    double active = 1;  ///< share of coefficients that are not zero

    std::string text() const {
        return "B " + std::to_string(samples) + " T " + std::to_string(tokens) + " I " +
               std::to_string(inputs) + " O " + std::to_string(outputs) + " K " + std::to_string(tasks);
    }
};

struct Problem {
    explicit Problem(const Size& s, unsigned seed = 1) : size(s), random(seed) {
        const double scale = 1 / std::sqrt(1. + static_cast<double>(s.tasks));
        stacked = normal((1 + s.tasks) * s.outputs * s.inputs, scale);
        x = normal(s.samples * s.tokens * s.inputs);
        dy = normal(s.samples * s.tokens * s.outputs);
        bias = normal(s.samples * s.outputs);
        z = normal(s.samples * s.tasks);
        std::uniform_real_distribution<double> uniform;
        for (float& own : z)
            if (uniform(random) >= s.active) own = 0;
    }

    StackedMatrices matrices() const {
        return {stacked.data(), size.tasks, size.outputs, size.inputs, size.outputs * size.inputs,
                size.inputs,    1};
    }
    static Activations dense(const std::vector<float>& data, const Size& s, std::int64_t width) {
        return {data.data(), s.samples, s.tokens, width, s.tokens * width, width, 1};
    }
    Activations activations() const { return dense(x, size, size.inputs); }
    Activations output_gradient() const { return dense(dy, size, size.outputs); }
    Coefficients coefficients() const { return {z.data(), size.tasks, 1}; }
    Bias own_bias() const { return {bias.data(), size.outputs}; }

    std::vector<float> normal(std::int64_t count, double deviation = 1) {
        std::normal_distribution<double> draw(0, deviation);
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& v : values) v = static_cast<float>(draw(random));
        return values;
    }

    Size size;
    std::mt19937 random;
    std::vector<float> stacked, x, dy, bias, z;
};

struct Results {
    std::vector<float> y, dx, dz;
    bool operator==(const Results&) const = default;
};

inline Results run(Engine& engine, const Problem& p, const PackedBank& forward, const PackedBank& backward,
                   Wanted wanted) {
    // Not a number wherever nothing is written.
    const auto unset = [](std::int64_t n) {
        return std::vector<float>(static_cast<std::size_t>(n), std::numeric_limits<float>::quiet_NaN());
    };
    const std::int64_t rows = p.size.samples * p.size.tokens;
    Results r{unset(rows * p.size.outputs), unset(rows * p.size.inputs),
              unset(p.size.samples * p.size.tasks)};
    engine.product(forward, p.activations(), p.coefficients(), p.own_bias(), r.y.data());
    engine.product(backward, p.output_gradient(), p.coefficients(), {}, r.dx.data());
    engine.coefficient_gradient(forward, p.activations(), p.output_gradient(), p.coefficients(), wanted,
                                r.dz.data());
    return r;
}
inline Results run(Engine& engine, const Problem& p, Wanted wanted = Wanted::all) {
    return run(engine, p, PackedBank(p.matrices()), PackedBank(p.matrices().transposed()), wanted);
}

/// Largest difference over the largest value (at least 1e-30): infinite where something is not a number.
inline double relative_error(const std::vector<float>& got, const std::vector<double>& expected) {
    double largest = 1e-30, difference = 0;
    for (const double e : expected) largest = std::max(largest, std::abs(e));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double own = std::abs(got[i] - expected[i]);
        if (!(own <= difference))
            difference = std::isnan(own) ? std::numeric_limits<double>::infinity() : own;
    }
    return difference / largest;
}

/// The bound for float32, of the largest value. Observed: a tenth of it.
constexpr double kBound = 1e-5;

inline void expect_reference(const Problem& p, const Results& got) {
    const auto y = product_reference(p.matrices(), p.activations(), p.coefficients(), p.own_bias());
    EXPECT_LT(relative_error(got.y, y), kBound) << "y of " << p.size.text();
    const auto dx = product_reference(p.matrices().transposed(), p.output_gradient(), p.coefficients(), {});
    EXPECT_LT(relative_error(got.dx, dx), kBound) << "dx of " << p.size.text();
    const auto dz = coefficient_gradient_reference(p.matrices(), p.activations(), p.output_gradient());
    EXPECT_LT(relative_error(got.dz, dz), kBound) << "dz of " << p.size.text();
}

}  // namespace vtvc::test
