// The loops around the kernels. Stretches of inputs are outermost, so that a stretch of all activations stays
// in the last cache while every panel of the bank passes by; one panel's stretch of the bank stays in a
// core's own cache while it is composed for one unit of samples after another.
#include "vtvc/composition/engine.hpp"

#include <algorithm>
#include <utility>

#include "buffer.hpp"
#include "gradient.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "vtvc/composition/workers.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using cpu::Destination;
using cpu::Kernels;
using cpu::RowBlock;
using cpu::Unit;

constexpr std::int64_t kLanes = PackedBank::lanes;

/// Inputs of one stretch: as many as leave a panel's lines in some 450 kB of a core's second cache, at most
/// 768 (a longer chain of sums rounds worse), at least 128 (each stretch reads and writes y once more). All
/// alike. It decides how sums are cut, so it follows from shapes alone.
std::int64_t stretch_of(const PackedBank& bank) {
    constexpr std::int64_t cache_floats = 450'000 / sizeof(float), most = 768, least = 128;
    const std::int64_t fits = std::clamp(cache_floats / bank.line(), least, most);
    const std::int64_t stretches = std::max<std::int64_t>(1, (bank.inputs() + fits - 1) / fits);
    return std::max<std::int64_t>(1, (bank.inputs() + stretches - 1) / stretches);
}

/// Units that are composed together where a unit has too few rows to hide its own composition: the bank's
/// lines come from the second cache once for all of them.
constexpr std::int64_t kTogether = 8;
/// Floats of the bank that lie in the first cache meanwhile.
constexpr std::int64_t kFirstCache = 4096;

void check(const PackedBank& bank, const Activations& x, std::int64_t width, const char* what) {
    if (x.width == width && x.samples >= 0 && x.tokens >= 0) return;
    fail<NumericError>("{} of width {} do not fit a block of [{}, {}]; they should have {}", what, x.width,
                       bank.outputs(), bank.inputs(), width);
}

}  // namespace

struct Engine::State {
    explicit State(int threads)
        : workers(threads),
          gradient(workers.threads()),
          weights(static_cast<std::size_t>(workers.threads())) {}

    Workers workers;
    cpu::CoefficientGradient gradient;
    cpu::Rows rows;
    cpu::Buffer x;
    std::vector<cpu::Buffer> weights;  ///< of each thread
};

namespace {

/// One stretch of inputs of one panel, for all units.
struct PanelPass {
    const Kernels& kernels;
    const PackedBank& bank;
    const cpu::Rows& rows;
    const float* x;  ///< packed, of this stretch
    Bias bias;
    float* y;
    std::int64_t panel, first, inputs;
    float* weights;  ///< [kTogether][inputs][16]

    const float* from() const { return bank.at(panel, first); }
    const float* x_of(const RowBlock& block) const { return x + block.first * inputs; }

    Destination to(const RowBlock& block) const {
        Destination d;
        d.y = y + panel * kLanes;
        d.y_rows = rows.y_rows(block);
        if (first > 0) {
            d.start = d.y;
            d.start_rows = d.y_rows;
        } else if (bias.data != nullptr) {
            d.start = bias.data + panel * kLanes;
            d.start_rows = rows.bias_rows(block);
        }
        d.rows = block.rows;
        d.width = static_cast<int>(std::min(kLanes, bank.outputs() - panel * kLanes));
        return d;
    }

    void multiply(const Unit& unit, std::int64_t skipped, const float* composed) const {
        for (std::int64_t i = unit.blocks + skipped; i < unit.blocks + unit.block_count; ++i) {
            const RowBlock& block = rows.block(i);
            kernels.multiply(block.size, {x_of(block), composed, inputs}, to(block));
        }
    }

    void fuse(const Unit& unit) const {
        const RowBlock& block = rows.block(unit.blocks);
        float* kept = unit.block_count > 1 ? weights : nullptr;
        kernels.fused(block.size, {x_of(block), from(), bank.line(), rows.terms(unit), kept, inputs},
                      to(block));
        multiply(unit, 1, weights);
    }

    /// Units [begin, end), at most kTogether.
    void compose_together(std::size_t begin, std::size_t end) const {
        const std::int64_t step = std::max<std::int64_t>(8, kFirstCache / bank.line() / 8 * 8);
        for (std::int64_t i = 0; i < inputs; i += step)
            for (std::size_t u = begin; u < end; ++u)
                kernels.compose(from() + i * bank.line(), bank.line(), rows.terms(rows.units()[u]),
                                std::min(step, inputs - i), at(u - begin) + i * kLanes);
        for (std::size_t u = begin; u < end; ++u) multiply(rows.units()[u], 0, at(u - begin));
    }
    float* at(std::size_t slot) const { return weights + static_cast<std::int64_t>(slot) * inputs * kLanes; }

    void run() const {
        const std::vector<Unit>& units = rows.units();
        for (std::size_t u = 0; u < units.size();) {
            if (units[u].fused) {
                fuse(units[u++]);
                continue;
            }
            const std::size_t begin = u;
            while (u < units.size() && !units[u].fused && u - begin < kTogether) ++u;
            compose_together(begin, u);
        }
    }
};

}  // namespace

Engine::Engine(int threads) : state_(std::make_unique<State>(threads)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

int Engine::threads() const { return state_->workers.threads(); }

void Engine::product(const PackedBank& bank, const Activations& x, const Coefficients& z, const Bias& bias,
                     float* y) {
    check(bank, x, bank.inputs(), "activations");
    const std::int64_t outputs = bank.outputs(), inputs = bank.inputs(), rows = x.samples * x.tokens;
    if (rows == 0 || outputs == 0) return;
    if (inputs == 0) {
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t o = 0; o < outputs; ++o)
                y[r * outputs + o] =
                    bias.data == nullptr ? 0 : bias.data[r / x.tokens * bias.sample_stride + o];
        return;
    }
    State& state = *state_;
    const Kernels& kernels = cpu::kernels();
    state.rows.plan(bank, x, z, bias.sample_stride, kernels);
    const std::int64_t stretch = stretch_of(bank), padded = state.rows.count();
    // Kernels ask for activations a little ahead of those they use.
    float* packed = state.x.floats(padded * stretch + 1024);
    for (cpu::Buffer& own : state.weights) own.floats(kTogether * stretch * kLanes);
    for (std::int64_t first = 0; first < inputs; first += stretch) {
        const std::int64_t count = std::min(stretch, inputs - first);
        state.workers.run(state.rows.blocks(), padded * count, [&](std::int64_t i, int) {
            const RowBlock& block = state.rows.block(i);
            state.rows.pack(x, block, first, count, packed + block.first * count);
        });
        state.workers.run(bank.panels(), padded * count * outputs, [&](std::int64_t panel, int worker) {
            PanelPass{
                kernels, bank,  state.rows, packed, bias,
                y,       panel, first,      count,  state.weights[static_cast<std::size_t>(worker)].floats(0)}
                .run();
        });
    }
}

void Engine::coefficient_gradient(const PackedBank& bank, const Activations& x, const Activations& dy,
                                  const Coefficients& z, Wanted wanted, float* dz) {
    check(bank, x, bank.inputs(), "activations");
    check(bank, dy, bank.outputs(), "gradients of outputs");
    if (dy.samples != x.samples || dy.tokens != x.tokens)
        fail<NumericError>("gradients of [{}, {}] outputs do not fit activations of [{}, {}]", dy.samples,
                           dy.tokens, x.samples, x.tokens);
    state_->gradient.run(state_->workers, bank, x, dy, z, wanted, dz);
}

}  // namespace vtvc
