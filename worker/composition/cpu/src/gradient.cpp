#include "gradient.hpp"

#include <algorithm>

#include "gradient_bf16.hpp"
#include "kernels.hpp"

namespace vtvc::cpu {
namespace {

constexpr std::int64_t kLanes = PackedBank::lanes;

/// Columns [first, first + width) of every token → [samples][tokens][width]; zeros beyond the last column.
void copy_columns(const Activations& from, std::int64_t first, std::int64_t width, float* to) {
    const std::int64_t real = std::min(width, from.width - first);
    for (std::int64_t b = 0; b < from.samples; ++b)
        for (std::int64_t t = 0; t < from.tokens; ++t, to += width) {
            const float* row =
                from.data + b * from.sample_stride + t * from.token_stride + first * from.width_stride;
            if (from.width_stride == 1) {
                std::copy(row, row + real, to);
            } else {
                for (std::int64_t c = 0; c < real; ++c) to[c] = row[c * from.width_stride];
            }
            std::fill(to + real, to + width, 0.F);
        }
}

float sum_of_lanes(const float* lanes) {
    float sum = 0;
    for (std::int64_t o = 0; o < kLanes; ++o) sum += lanes[o];
    return sum;
}

}  // namespace

void CoefficientGradient::list_wanted(const PackedBank& bank, std::int64_t samples, const Coefficients& z,
                                      Wanted wanted) {
    offsets_.clear();
    tasks_.clear();
    used_.assign(static_cast<std::size_t>(bank.tasks()), false);
    begin_.assign(1, 0);
    for (std::int64_t b = 0; b < samples; ++b) {
        for (std::int64_t k = 0; k < bank.tasks(); ++k)
            if (bank.offset(k) > 0 && (wanted == Wanted::all || z.at(b, k) != 0)) {
                offsets_.push_back(bank.offset(k));
                tasks_.push_back(k);
                used_[static_cast<std::size_t>(k)] = true;
            }
        begin_.push_back(static_cast<std::int64_t>(offsets_.size()));
    }
}

std::int64_t CoefficientGradient::scratch_bytes() const {
    std::int64_t bytes = dy_.size_bytes() + parts_.size_bytes();
    for (const auto* each : {&x_, &sums_, &lines_})
        for (const Buffer& own : *each) bytes += own.size_bytes();
    return bytes;
}

void CoefficientGradient::run(Workers& workers, const PackedBank& bank, const Activations& x,
                              const Activations& dy, const Coefficients& z, Wanted wanted, Products products,
                              float* dz) {
    std::fill(dz, dz + x.samples * bank.tasks(), 0.F);
    list_wanted(bank, x.samples, z, wanted);
    const auto count = static_cast<std::int64_t>(offsets_.size());
    if (count == 0 || x.tokens == 0 || bank.outputs() == 0 || bank.inputs() == 0) return;

    const Kernels& kernels = cpu::kernels();
    const std::int64_t height = kernels.gradient_rows;
    const bool bf16 = products == Products::bf16 && has_bf16_products() && height == kBf16Rows;
    // In bf16 two tokens stand side by side.
    const std::int64_t steps = bf16 ? (x.tokens + 1) / 2 : x.tokens, rows = x.samples * steps;
    const auto copy = [bf16](const Activations& from, std::int64_t first, std::int64_t width, float* to) {
        if (bf16) return copy_bf16_columns(from, first, width, reinterpret_cast<std::uint32_t*>(to));
        copy_columns(from, first, width, to);
    };
    const std::int64_t tiles = (bank.inputs() + height - 1) / height, panels = bank.panels();
    // The kernel asks for the sample after the last one.
    float* packed_dy = dy_.floats((panels * rows + steps) * kLanes);
    float* parts = parts_.floats(tiles * count);
    for (Buffer& own : x_) own.floats(rows * height);
    for (Buffer& own : sums_) own.floats(count * kLanes);
    for (Buffer& own : lines_) own.floats((height + 1) * bank.line());

    workers.run(panels, rows * bank.outputs(), [&](std::int64_t panel, int) {
        copy(dy, panel * kLanes, kLanes, packed_dy + panel * rows * kLanes);
    });
    workers.run(tiles, rows * bank.inputs() * bank.outputs(), [&](std::int64_t tile, int worker) {
        float* own_x = x_[static_cast<std::size_t>(worker)].floats(0);
        copy(x, tile * height, height, own_x);
        float* sums = sums_[static_cast<std::size_t>(worker)].floats(0);
        std::fill(sums, sums + count * kLanes, 0.F);
        GradientArguments a;
        a.tokens = steps;
        a.line = bank.line();
        a.inputs = static_cast<int>(std::min(height, bank.inputs() - tile * height));
        for (std::int64_t panel = 0; panel < panels; ++panel) {
            a.bank = bank.lines(panel, tile * height, a.inputs, used_,
                                lines_[static_cast<std::size_t>(worker)].floats(0));
            for (std::int64_t b = 0; b < x.samples; ++b) {
                const std::int64_t begin = begin_[static_cast<std::size_t>(b)];
                a.count = static_cast<int>(begin_[static_cast<std::size_t>(b + 1)] - begin);
                if (a.count == 0) continue;
                a.x = own_x + b * steps * height;
                a.dy = packed_dy + (panel * rows + b * steps) * kLanes;
                a.offsets = offsets_.data() + begin;
                a.sums = sums + begin * kLanes;
                if (bf16) {
                    bf16_gradient(a, reinterpret_cast<const std::uint32_t*>(a.x),
                                  reinterpret_cast<const std::uint32_t*>(a.dy));
                } else {
                    kernels.gradient(a);
                }
            }
        }
        for (std::int64_t w = 0; w < count; ++w) parts[tile * count + w] = sum_of_lanes(sums + w * kLanes);
    });
    for (std::int64_t b = 0; b < x.samples; ++b)
        for (std::int64_t w = begin_[static_cast<std::size_t>(b)];
             w < begin_[static_cast<std::size_t>(b + 1)]; ++w) {
            double sum = 0;
            for (std::int64_t tile = 0; tile < tiles; ++tile) sum += parts[tile * count + w];
            dz[b * bank.tasks() + tasks_[static_cast<std::size_t>(w)]] = static_cast<float>(sum);
        }
}

}  // namespace vtvc::cpu
