// The loops around the kernels. Stretches of inputs are outermost, so that a stretch of all activations stays
// in the last cache while every panel of the bank passes by; one panel's stretch of the bank stays in a
// core's own cache while it is composed for one unit of samples after another.
#include "vtvc/composition/engine.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "gradient.hpp"
#include "gradient_bf16.hpp"
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

/// Scheme (b): with so few tokens and terms it costs less to multiply the activations with W0 and with each τ
/// by itself than to compose. Measured (docs/performance.md); one table for all instruction sets, so that a
/// sample's bits follow from its own active set and the shapes.
bool mixes(std::int64_t tokens, std::int64_t terms) {
    constexpr std::array<std::int64_t, 7> most_terms{0, 1 << 20, 8, 4, 2, 1, 1};  // by tokens
    return terms > 0 && tokens < static_cast<std::int64_t>(most_terms.size()) &&
           terms <= most_terms.at(static_cast<std::size_t>(tokens));
}

void check(const PackedBank& bank, const Activations& x, std::int64_t width, const char* what) {
    if (x.width == width && x.samples >= 0 && x.tokens >= 0) return;
    fail<NumericError>("{} of width {} do not fit a block of [{}, {}]; they should have {}", what, x.width,
                       bank.outputs(), bank.inputs(), width);
}

/// One stretch of inputs of one panel, for all units.
struct PanelPass {
    const Kernels& kernels;
    const cpu::Rows& rows;
    const float* lines;  ///< of the bank: this panel's, this stretch's
    std::int64_t line;   ///< floats from one input to the next
    const float* x;      ///< packed, of this stretch
    Bias bias;
    float* y;   ///< this panel's
    bool add;   ///< onto what y holds
    int width;  ///< of the 16 outputs that are real
    std::int64_t inputs;
    float* weights;  ///< [kTogether][inputs][16]

    const float* x_of(const RowBlock& block) const { return x + block.first * inputs; }

    Destination to(const RowBlock& block) const {
        Destination d;
        d.y = y;
        d.y_rows = rows.y_rows(block);
        if (add) {
            d.start = d.y;
            d.start_rows = d.y_rows;
        } else if (bias.data != nullptr) {
            d.start = bias.data;
            d.start_rows = rows.bias_rows(block);
        }
        d.rows = block.rows;
        d.width = width;
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
        kernels.fused(block.size, {x_of(block), lines, line, rows.terms(unit), kept, inputs}, to(block));
        multiply(unit, 1, weights);
    }

    /// Units [begin, end), at most kTogether.
    void compose_together(std::size_t begin, std::size_t end) const {
        const std::int64_t step = std::max<std::int64_t>(8, kFirstCache / line / 8 * 8);
        for (std::int64_t i = 0; i < inputs; i += step)
            for (std::size_t u = begin; u < end; ++u)
                kernels.compose(lines + i * line, line, rows.terms(rows.units()[u]),
                                std::min(step, inputs - i), at(u - begin) + i * kLanes);
        for (std::size_t u = begin; u < end; ++u) multiply(rows.units()[u], 0, at(u - begin));
    }
    float* at(std::size_t slot) const { return weights + static_cast<std::int64_t>(slot) * inputs * kLanes; }

    /// Units [begin, end).
    void run(std::size_t begin, std::size_t end) const {
        const std::vector<Unit>& units = rows.units();
        for (std::size_t u = begin; u < end;) {
            if (units[u].fused) {
                fuse(units[u++]);
                continue;
            }
            const std::size_t from = u;
            while (u < end && !units[u].fused && u - from < kTogether) ++u;
            compose_together(from, u);
        }
    }
};

/// One product: of all the samples with their own weights, or of some with W0 alone (z without data).
struct Call {
    const PackedBank& bank;
    Activations x;
    Coefficients z;
    Bias bias;
    cpu::Placement place;
    float* y;
    bool add = false;
    std::int64_t matrix = 0;  ///< offset of the line that stands for W0's (PackedBank::offset)
    std::int64_t task = -1;   ///< whose line that is
};

}  // namespace

struct Engine::State {
    explicit State(int threads)
        : workers(threads),
          gradient(workers.threads()),
          weights(static_cast<std::size_t>(workers.threads())),
          lines(static_cast<std::size_t>(workers.threads())) {}

    void run(const Call& call);
    void mix(const Call& all, const std::vector<std::int64_t>& samples);
    void add_thin(const PackedBank::Thin& thin, const Activations& x, const Coefficients& z, float* y,
                  std::int64_t y_row);
    void thin_gradient(const PackedBank::Thin& thin, const Activations& x, const Activations& dy,
                       const Coefficients& z, Wanted wanted, std::vector<double>& dz);
    void list_active(std::int64_t task, std::int64_t count, const Coefficients& z, Wanted wanted);
    /// The listed samples' activations times one thin matrix → [listed, tokens, rank].
    void narrow(const PackedBank& thin, const Activations& x, std::int64_t first, std::int64_t width,
                cpu::Buffer& out);

    Workers workers;
    cpu::CoefficientGradient gradient;
    cpu::Rows rows;
    cpu::Buffer x, narrow_x, narrow_dy;
    std::vector<cpu::Buffer> weights, lines;  ///< of each thread
    std::vector<std::int64_t> listed;         ///< samples with one task's coefficient
    std::vector<std::int64_t> mixed, others;  ///< samples by scheme
    std::vector<float> scales;                ///< which are these
};

void Engine::State::run(const Call& call) {
    const PackedBank& bank = call.bank;
    const std::int64_t outputs = bank.outputs(), inputs = bank.inputs();
    const Kernels& kernels = cpu::kernels();
    rows.plan(bank, call.x, call.z, call.place, kernels);
    if (call.task >= 0) rows.use(call.task);
    const std::int64_t stretch = stretch_of(bank), padded = rows.count();
    // Kernels ask for activations a little ahead of those they use.
    float* packed = x.floats(padded * stretch + 1024);
    for (cpu::Buffer& own : weights) own.floats(kTogether * stretch * kLanes);
    if (!bank.readable())
        for (cpu::Buffer& own : lines) own.floats((stretch + 1) * bank.line());
    // Where there are few panels, threads share out groups of units too.
    const std::size_t units = rows.units().size();
    const bool few = bank.readable() && bank.panels() < 4 * workers.threads() && workers.threads() > 1;
    const std::size_t group = few ? kTogether : std::max<std::size_t>(units, 1);
    const auto groups = static_cast<std::int64_t>((units + group - 1) / group);
    for (std::int64_t first = 0; first < inputs; first += stretch) {
        const std::int64_t count = std::min(stretch, inputs - first);
        workers.run(rows.blocks(), padded * count, [&](std::int64_t i, int) {
            const RowBlock& block = rows.block(i);
            rows.pack(call.x, block, first, count, packed + block.first * count);
        });
        workers.run(bank.panels() * groups, padded * count * outputs, [&](std::int64_t item, int worker) {
            const std::int64_t panel = item / groups, o = panel * kLanes;
            const auto begin = static_cast<std::size_t>(item % groups) * group;
            const auto own = static_cast<std::size_t>(worker);
            const float* from =
                bank.lines(panel, first, count, rows.used(), lines[own].floats(0)) + call.matrix;
            Bias bias = call.bias;
            if (bias.data != nullptr) bias.data += o;
            PanelPass{kernels,
                      rows,
                      from,
                      bank.line(),
                      packed,
                      bias,
                      call.y + o,
                      call.add || first > 0,
                      static_cast<int>(std::min(kLanes, outputs - o)),
                      count,
                      weights[own].floats(0)}
                .run(begin, std::min(units, begin + group));
        });
    }
}

/// Scheme (b) for some samples: y = x W0ᵀ + bias, then += (z x) τᵀ, task after task.
void Engine::State::mix(const Call& all, const std::vector<std::int64_t>& samples) {
    Call call = all;
    call.z = {};
    call.place.x_samples = call.place.y_samples = samples.data();
    call.x.samples = static_cast<std::int64_t>(samples.size());
    run(call);
    call.bias = {};
    call.add = true;
    for (call.task = 0; call.task < all.bank.tasks(); ++call.task) {
        call.matrix = all.bank.offset(call.task);
        if (call.matrix == 0) continue;
        listed.clear();
        scales.clear();
        for (const std::int64_t b : samples)
            if (const float own = all.z.at(b, call.task); own != 0) {
                listed.push_back(b);
                scales.push_back(own);
            }
        if (listed.empty()) continue;
        call.place.x_samples = call.place.y_samples = listed.data();
        call.place.x_scales = scales.data();
        call.x.samples = static_cast<std::int64_t>(listed.size());
        run(call);
    }
}

void Engine::State::list_active(std::int64_t task, std::int64_t count, const Coefficients& z, Wanted wanted) {
    listed.clear();
    scales.clear();
    for (std::int64_t b = 0; b < count; ++b)
        if (const float own = z.at(b, task); own != 0 || wanted == Wanted::all) {
            listed.push_back(b);
            scales.push_back(own);
        }
}

void Engine::State::narrow(const PackedBank& thin, const Activations& from, std::int64_t first,
                           std::int64_t width, cpu::Buffer& out) {
    Activations part = from;
    part.data += first * from.width_stride;
    part.width = width;
    part.samples = static_cast<std::int64_t>(listed.size());
    cpu::Placement place;
    place.x_samples = listed.data();
    place.y_row = thin.outputs();
    place.unit_samples = 1;
    run({thin, part, {}, {}, place, out.floats(part.samples * part.tokens * thin.outputs())});
}

/// y += z · (x inᵀ) outᵀ for the samples with such a coefficient.
void Engine::State::add_thin(const PackedBank::Thin& thin, const Activations& from, const Coefficients& z,
                             float* y, std::int64_t y_row) {
    list_active(thin.task, from.samples, z, Wanted::active);
    if (listed.empty()) return;
    narrow(thin.in, from, thin.in_first, thin.in_width, narrow_x);
    const std::int64_t samples = static_cast<std::int64_t>(listed.size()), rank = thin.rank;
    cpu::Placement place;
    place.y_samples = listed.data();
    place.x_scales = scales.data();
    place.y_row = y_row;
    const Activations u{narrow_x.floats(0), samples, from.tokens, rank, from.tokens * rank, rank, 1};
    run({thin.out, u, {}, {}, place, y + thin.out_first, true});
}

/// dz_b += Σ (x inᵀ) · (dy back ᵀ) over tokens and rank.
void Engine::State::thin_gradient(const PackedBank::Thin& thin, const Activations& from,
                                  const Activations& dy, const Coefficients& z, Wanted wanted,
                                  std::vector<double>& dz) {
    list_active(thin.task, from.samples, z, wanted);
    if (listed.empty()) return;
    narrow(thin.in, from, thin.in_first, thin.in_width, narrow_x);
    narrow(thin.back, dy, thin.out_first, thin.out_width, narrow_dy);
    const std::int64_t each = from.tokens * thin.rank;
    const float* u = narrow_x.floats(0);
    const float* v = narrow_dy.floats(0);
    for (const std::int64_t b : listed) {
        double sum = 0;
        for (std::int64_t i = 0; i < each; ++i) sum += static_cast<double>(*u++) * static_cast<double>(*v++);
        dz[static_cast<std::size_t>(b)] += sum;
    }
}

Engine::Engine(int threads) : state_(std::make_unique<State>(threads)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

int Engine::threads() const { return state_->workers.threads(); }

std::int64_t Engine::scratch_bytes() const {
    const State& s = *state_;
    std::int64_t bytes =
        s.gradient.scratch_bytes() + s.x.size_bytes() + s.narrow_x.size_bytes() + s.narrow_dy.size_bytes();
    for (const auto* each : {&s.weights, &s.lines})
        for (const cpu::Buffer& own : *each) bytes += own.size_bytes();
    return bytes;
}

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
    cpu::Placement place;
    place.y_row = outputs;
    place.bias_stride = bias.sample_stride;
    Call call{bank, x, z, bias, place, y};
    std::vector<std::int64_t>&mixed = state_->mixed, &others = state_->others;
    mixed.clear();
    others.clear();
    for (std::int64_t b = 0; b < x.samples; ++b) {
        std::int64_t active = 0;
        for (std::int64_t k = 0; k < bank.tasks(); ++k) active += z.at(b, k) != 0 && bank.offset(k) > 0;
        (mixes(x.tokens, active) ? mixed : others).push_back(b);
    }
    if (!mixed.empty()) state_->mix(call, mixed);
    if (!others.empty()) {
        call.place.x_samples = call.place.y_samples = others.data();
        call.x.samples = static_cast<std::int64_t>(others.size());
        state_->run(call);
    }
    for (const PackedBank::Thin& thin : bank.thin()) state_->add_thin(thin, x, z, y, outputs);
}

void Engine::coefficient_gradient(const PackedBank& bank, const Activations& x, const Activations& dy,
                                  const Coefficients& z, Wanted wanted, float* dz, Products products) {
    check(bank, x, bank.inputs(), "activations");
    check(bank, dy, bank.outputs(), "gradients of outputs");
    if (dy.samples != x.samples || dy.tokens != x.tokens)
        fail<NumericError>("gradients of [{}, {}] outputs do not fit activations of [{}, {}]", dy.samples,
                           dy.tokens, x.samples, x.tokens);
    state_->gradient.run(state_->workers, bank, x, dy, z, wanted, products, dz);
    if (bank.thin().empty() || x.tokens == 0) return;
    std::vector<double> sums(static_cast<std::size_t>(x.samples));
    for (auto thin = bank.thin().begin(); thin != bank.thin().end();) {
        const std::int64_t task = thin->task;
        std::fill(sums.begin(), sums.end(), 0.);
        for (; thin != bank.thin().end() && thin->task == task; ++thin)
            state_->thin_gradient(*thin, x, dy, z, wanted, sums);
        for (std::int64_t b = 0; b < x.samples; ++b)
            dz[b * bank.tasks() + task] = static_cast<float>(sums[static_cast<std::size_t>(b)]);
    }
}

bool has_bf16_products() { return cpu::has_bf16_products(); }

}  // namespace vtvc
