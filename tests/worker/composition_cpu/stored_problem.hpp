#pragma once
// A block whose task vectors are stored in several ways, and the same block in floats: what storage makes of
// the stored numbers.
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "engine_problem.hpp"

namespace vtvc::test {

using Kind = StoredMatrix::Kind;

/// Task k is stored as kinds[k]. Rows of the stored matrices are the block's outputs, or its inputs.
struct StoredProblem {
    StoredProblem(Size s, std::vector<Kind> kinds_of_tasks, bool rows_out = true)
        : problem((s.tasks = static_cast<std::int64_t>(kinds_of_tasks.size()), s)),
          kinds(std::move(kinds_of_tasks)),
          rows_are_outputs(rows_out),
          rows(rows_out ? s.outputs : s.inputs),
          columns(rows_out ? s.inputs : s.outputs) {
        const auto elements = static_cast<std::size_t>(rows * columns), count = kinds.size();
        base = problem.normal(rows * columns, .5);
        bf16.resize(count);
        int8.resize(count);
        scales.resize(count);
        factors.resize(count);
        floats.assign(count, std::vector<float>(elements));
        for (std::size_t k = 0; k < count; ++k) make(k, problem.normal(rows * columns, .3));
        // The oracle's matrices are [outputs, inputs].
        put(0, base);
        for (std::size_t k = 0; k < count; ++k) put(k + 1, floats[k]);
    }

    StoredMatrices stored() const {
        StoredMatrices m{base.data(), rows, columns, {}, rows_are_outputs};
        for (std::size_t k = 0; k < kinds.size(); ++k) {
            StoredMatrix task;
            task.kind = kinds[k];
            if (kinds[k] == Kind::f32) task.f32 = floats[k].data();
            if (kinds[k] == Kind::bf16) task.bf16 = bf16[k].data();
            if (kinds[k] == Kind::int8) task.int8 = int8[k].data();
            if (kinds[k] == Kind::int8) task.scales = scales[k].data();
            for (const Part& p : factors[k])
                task.factors.push_back({p.first, p.rows, p.rank, p.left.data(), p.right.data()});
            m.tasks.push_back(task);
        }
        return m;
    }

    Results run(Engine& engine, Wanted wanted = Wanted::all) const {
        return test::run(engine, problem, PackedBank(stored()), PackedBank(stored().transposed()), wanted);
    }

    struct Part {
        std::int64_t first, rows, rank;
        std::vector<float> left, right;
    };
    Problem problem;
    std::vector<Kind> kinds;
    bool rows_are_outputs;
    std::int64_t rows, columns;
    std::vector<float> base;
    std::vector<std::vector<std::uint16_t>> bf16;
    std::vector<std::vector<std::int8_t>> int8;
    std::vector<std::vector<float>> scales, floats;
    std::vector<std::vector<Part>> factors;

  private:
    void make(std::size_t k, const std::vector<float>& given) {
        std::vector<float>& out = floats[k];
        if (kinds[k] == Kind::f32) out = given;
        if (kinds[k] == Kind::bf16) {
            for (const float v : given)
                bf16[k].push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16));
            for (std::size_t i = 0; i < out.size(); ++i)
                out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bf16[k][i]) << 16);
        }
        if (kinds[k] == Kind::int8)
            for (std::int64_t r = 0; r < rows; ++r) {
                scales[k].push_back(.01F / static_cast<float>(r + 1));
                for (std::int64_t c = 0; c < columns; ++c) {
                    const auto i = static_cast<std::size_t>(r * columns + c);
                    int8[k].push_back(
                        static_cast<std::int8_t>(std::nearbyint(std::fmod(given[i] * 500, 127.F))));
                    out[i] = static_cast<float>(int8[k].back()) * scales[k].back();
                }
            }
        if (kinds[k] != Kind::low_rank) return;
        // Two parts that overlap: all rows at rank 2, the last half at rank 3.
        for (const std::int64_t first : {std::int64_t{0}, rows / 2}) {
            const std::int64_t rank = first == 0 ? 2 : 3;
            Part p{first, rows - first, rank, problem.normal((rows - first) * rank, .3),
                   problem.normal(rank * columns, .5)};
            for (std::int64_t r = 0; r < p.rows; ++r)
                for (std::int64_t c = 0; c < columns; ++c) {
                    double sum = 0;
                    for (std::int64_t q = 0; q < rank; ++q)
                        sum += static_cast<double>(p.left[static_cast<std::size_t>(r * rank + q)]) *
                               static_cast<double>(p.right[static_cast<std::size_t>(q * columns + c)]);
                    out[static_cast<std::size_t>((first + r) * columns + c)] += static_cast<float>(sum);
                }
            factors[k].push_back(std::move(p));
        }
    }

    void put(std::size_t matrix, const std::vector<float>& values) {
        float* to = problem.stacked.data() + matrix * values.size();
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t c = 0; c < columns; ++c)
                to[rows_are_outputs ? r * columns + c : c * rows + r] =
                    values[static_cast<std::size_t>(r * columns + c)];
    }
};

}  // namespace vtvc::test
