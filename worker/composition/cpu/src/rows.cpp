#include "rows.hpp"

#include <algorithm>
#include <cstring>

namespace vtvc::cpu {
namespace {

/// Rows of the next block when so many are left: whole blocks, and the last two alike, as a block of few rows
/// waits for its own sums.
std::int64_t next_rows(std::int64_t left, std::int64_t most) {
    if (left <= most) return left;
    return left < most + most / 3 ? (left + 1) / 2 : most;
}

int size_for(std::int64_t rows, const Kernels& kernels) {
    return *std::lower_bound(kernels.sizes, kernels.sizes + kernels.size_count, static_cast<int>(rows));
}

}  // namespace

int Rows::compare(const Sample& a, const Sample& b) const {
    const std::int64_t common = std::min(a.term_count, b.term_count);
    for (std::int64_t t = 0; t < common; ++t) {
        const auto i = static_cast<std::size_t>(a.terms + t), j = static_cast<std::size_t>(b.terms + t);
        if (offsets_[i] != offsets_[j]) return offsets_[i] < offsets_[j] ? -1 : 1;
    }
    if (a.term_count != b.term_count) return a.term_count < b.term_count ? -1 : 1;
    // By bits, as a coefficient may be no number.
    return common == 0 ? 0
                       : std::memcmp(values_.data() + a.terms, values_.data() + b.terms,
                                     static_cast<std::size_t>(common) * sizeof(float));
}

void Rows::plan(const PackedBank& bank, const Activations& x, const Coefficients& z, const Placement& place,
                const Kernels& kernels) {
    used_.assign(static_cast<std::size_t>(bank.tasks()), false);
    offsets_.clear();
    values_.clear();
    samples_.clear();
    units_.clear();
    blocks_.clear();
    for (std::vector<std::int64_t>* rows : {&x_rows_, &y_rows_, &bias_rows_}) rows->clear();
    x_scales_.clear();
    for (std::int64_t b = 0; b < x.samples; ++b) {
        Sample sample{b, static_cast<std::int64_t>(values_.size()), 0};
        for (std::int64_t k = 0; k < bank.tasks() && z.data != nullptr; ++k) {
            const float own = z.at(place.x_samples == nullptr ? b : place.x_samples[b], k);
            if (own == 0 || bank.offset(k) == 0) continue;
            used_[static_cast<std::size_t>(k)] = true;
            offsets_.push_back(bank.offset(k));
            values_.push_back(own);
            ++sample.term_count;
        }
        samples_.push_back(sample);
    }
    std::sort(samples_.begin(), samples_.end(), [this](const Sample& a, const Sample& b) {
        const int order = compare(a, b);
        return order != 0 ? order < 0 : a.index < b.index;
    });
    if (x.tokens == 0) return;
    for (std::size_t first = 0; first < samples_.size();) {
        std::size_t last = first + 1;
        while (last < samples_.size() && compare(samples_[first], samples_[last]) == 0 &&
               (place.unit_samples == 0 || static_cast<std::int64_t>(last - first) < place.unit_samples))
            ++last;
        Unit unit{samples_[first].terms, samples_[first].term_count, blocks(), 0, false};
        cut(unit, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last), x, place, kernels);
        units_.push_back(unit);
        first = last;
    }
}

void Rows::cut(Unit& unit, std::int64_t first, std::int64_t last, const Activations& x,
               const Placement& place, const Kernels& kernels) {
    const std::int64_t rows = (last - first) * x.tokens;
    unit.fused = rows >= kernels.fused_least && unit.term_count <= kernels.fused_terms;
    std::int64_t most = unit.fused ? kernels.fused_most : kernels.sizes[kernels.size_count - 1];
    for (std::int64_t done = 0; done < rows;) {
        RowBlock block{count(), 0, static_cast<int>(next_rows(rows - done, most))};
        block.size = size_for(block.rows, kernels);
        for (std::int64_t r = done; r < done + block.rows; ++r) {
            const std::int64_t b = samples_[static_cast<std::size_t>(first + r / x.tokens)].index;
            const std::int64_t t = r % x.tokens;
            const std::int64_t from = place.x_samples == nullptr ? b : place.x_samples[b];
            const std::int64_t to = place.y_samples == nullptr ? b : place.y_samples[b];
            x_rows_.push_back(from * x.sample_stride + t * x.token_stride);
            y_rows_.push_back((to * x.tokens + t) * place.y_row);
            bias_rows_.push_back(to * place.bias_stride);
            if (place.x_scales != nullptr) x_scales_.push_back(place.x_scales[b]);
        }
        const auto padded = static_cast<std::size_t>(block.first + block.size);
        for (std::vector<std::int64_t>* table : {&x_rows_, &y_rows_, &bias_rows_}) table->resize(padded);
        if (place.x_scales != nullptr) x_scales_.resize(padded);
        done += block.rows;
        most = kernels.sizes[kernels.size_count - 1];
        blocks_.push_back(block);
        ++unit.block_count;
    }
    // Halving may leave less than the fused kernels take.
    if (unit.fused) unit.fused = block(unit.blocks).size >= kernels.fused_least;
}

void Rows::pack(const Activations& x, const RowBlock& block, std::int64_t first, std::int64_t count,
                float* out) const {
    constexpr std::int64_t stretch = 32;  // of inputs, so that what is written stays in the first cache
    const std::int64_t size = block.size;
    for (std::int64_t i = 0; i < count; i += stretch) {
        const std::int64_t inputs = std::min(stretch, count - i);
        for (std::int64_t m = 0; m < block.rows; ++m) {
            const float* from =
                x.data + x_rows_[static_cast<std::size_t>(block.first + m)] + (first + i) * x.width_stride;
            float* to = out + i * size + m;
            if (x.width_stride == 1) {
                for (std::int64_t c = 0; c < inputs; ++c) to[c * size] = from[c];
            } else {
                for (std::int64_t c = 0; c < inputs; ++c) to[c * size] = from[c * x.width_stride];
            }
        }
        if (!x_scales_.empty()) scale(block, inputs, out + i * size);
        for (std::int64_t m = block.rows; m < size; ++m)
            for (std::int64_t c = 0; c < inputs; ++c) out[(i + c) * size + m] = 0;
    }
}

void Rows::scale(const RowBlock& block, std::int64_t inputs, float* out) const {
    for (std::int64_t m = 0; m < block.rows; ++m) {
        const float own = x_scales_[static_cast<std::size_t>(block.first + m)];
        for (std::int64_t c = 0; c < inputs; ++c) out[c * block.size + m] *= own;
    }
}

}  // namespace vtvc::cpu
