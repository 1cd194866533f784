// Compiled once for each instruction set by Highway's foreach_target. The register blocks: AVX-512 has 25
// rows of one vector (a panel is one vector), AVX2 six rows of two, the rest two of four.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels.cpp"
// Between SSE2 and AVX2 nothing changes the arithmetic, nor among the kinds of AVX-512.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>
// Highway asks for this order.
#include <hwy/highway.h>

#include <array>
#include <utility>

#include "kernels.hpp"
#include "vtvc/composition/engine.hpp"
#include "vtvc/core/error.hpp"

HWY_BEFORE_NAMESPACE();
namespace vtvc::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr Tag kTag;
constexpr int kLanes = 16;
constexpr int kVector = HWY_MIN(16, HWY_LANES(float));
constexpr int kVectors = kLanes / kVector;

#if HWY_TARGET == HWY_AVX3
constexpr const char* kName = "avx512";
constexpr std::array kSizes{1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 18, 20, 22, 25};
constexpr int kFusedLeast = 10, kFusedMost = 25, kFusedTerms = 1 << 20, kGradientRows = 24,
              kComposeInputs = 8;
#elif HWY_TARGET == HWY_AVX2
constexpr const char* kName = "avx2";
constexpr std::array kSizes{1, 2, 3, 4, 5, 6};
constexpr int kFusedLeast = 4, kFusedMost = 5, kFusedTerms = 4, kGradientRows = 6, kComposeInputs = 6;
#else
constexpr const char* kName = "baseline";
constexpr std::array kSizes{1, 2};
constexpr int kFusedLeast = 2, kFusedMost = 2, kFusedTerms = 2, kGradientRows = 2, kComposeInputs = 1;
#endif

// Every loop over registers is unrolled by hand: one that is not puts the accumulators into memory.
#define VTVC_UNROLL _Pragma("GCC unroll 32")

/// Keeps the compiler from addressing x relative to what is prefetched far ahead: instructions with a near
/// address are half as long.
HWY_INLINE void near(const float*& x) { asm volatile("" : "+r"(x)); }

/// W0 + Σ z τ of one line, in two chains: even terms onto W0, odd ones by themselves. Count < 0: as many as
/// terms says.
template <int Count>
HWY_INLINE Vec composed(const float* HWY_RESTRICT bank, const Terms& terms, int part) {
    const float* from = bank + part * kVector;
    const int count = Count < 0 ? terms.count : Count;
    Vec even = hn::Load(kTag, from);
    if (count == 0) return even;
    even = hn::MulAdd(hn::Set(kTag, terms.z[0]), hn::Load(kTag, from + terms.offsets[0]), even);
    if (count == 1) return even;
    Vec odd = hn::Mul(hn::Set(kTag, terms.z[1]), hn::Load(kTag, from + terms.offsets[1]));
    if constexpr (Count < 0) {
        int k = 2;
        for (; k + 1 < count; k += 2) {
            even = hn::MulAdd(hn::Set(kTag, terms.z[k]), hn::Load(kTag, from + terms.offsets[k]), even);
            odd = hn::MulAdd(hn::Set(kTag, terms.z[k + 1]), hn::Load(kTag, from + terms.offsets[k + 1]), odd);
        }
        if (k < count)
            even = hn::MulAdd(hn::Set(kTag, terms.z[k]), hn::Load(kTag, from + terms.offsets[k]), even);
    } else {
        VTVC_UNROLL for (int k = 2; k < Count; ++k) {
            const Vec z = hn::Set(kTag, terms.z[k]), tau = hn::Load(kTag, from + terms.offsets[k]);
            if (k % 2 == 0) {
                even = hn::MulAdd(z, tau, even);
            } else {
                odd = hn::MulAdd(z, tau, odd);
            }
        }
    }
    return hn::Add(even, odd);
}

template <int Size>
HWY_INLINE void prefetch(const Destination& to) {
    VTVC_UNROLL for (int m = 0; m < Size; ++m) if (m < to.rows) __builtin_prefetch(to.y + to.y_rows[m], 1);
}

/// A panel at the edge of the block, from a copy of its sums [rows][16].
HWY_NOINLINE void store_edge(const float* sums, const Destination& to) {
    for (int m = 0; m < to.rows; ++m, sums += kLanes) {
        float* y = to.y + to.y_rows[m];
        for (int o = 0; o < to.width; ++o)
            y[o] = to.start == nullptr ? sums[o] : sums[o] + to.start[to.start_rows[m] + o];
    }
}

/// Adds the sums to what the destination starts with, and writes them.
template <int Size>
HWY_INLINE void store(const Vec (&sums)[Size][kVectors], const Destination& to) {
    if (to.width < kLanes) {
        alignas(64) float copy[Size * kLanes];
        VTVC_UNROLL for (int m = 0; m < Size; ++m) {
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v)
                hn::Store(sums[m][v], kTag, copy + m * kLanes + v * kVector);
        }
        return store_edge(copy, to);
    }
    if (to.start == nullptr) {
        VTVC_UNROLL for (int m = 0; m < Size; ++m) {
            if (m >= to.rows) return;
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v)
                hn::StoreU(sums[m][v], kTag, to.y + to.y_rows[m] + v * kVector);
        }
        return;
    }
    VTVC_UNROLL for (int m = 0; m < Size; ++m) {
        if (m >= to.rows) return;
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) {
            const Vec start = hn::LoadU(kTag, to.start + to.start_rows[m] + v * kVector);
            hn::StoreU(hn::Add(sums[m][v], start), kTag, to.y + to.y_rows[m] + v * kVector);
        }
    }
}

template <int Size>
void multiply(const MultiplyArguments& a, const Destination& to) {
    Vec sums[Size][kVectors];
    VTVC_UNROLL for (int m = 0; m < Size; ++m) {
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) sums[m][v] = hn::Zero(kTag);
    }
    prefetch<Size>(to);
    const float* x = a.x;
    const float* HWY_RESTRICT w = a.weights;
    for (std::int64_t i = 0; i < a.inputs; ++i, x += Size, w += kLanes) {
        near(x);
        __builtin_prefetch(x + 12 * Size, 0, 0);
        if constexpr (Size > 16) __builtin_prefetch(x + 12 * Size + 16, 0, 0);
        Vec line[kVectors];
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) line[v] = hn::Load(kTag, w + v * kVector);
        VTVC_UNROLL for (int m = 0; m < Size; ++m) {
            const Vec own = hn::Set(kTag, x[m]);
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v) sums[m][v] = hn::MulAdd(own, line[v], sums[m][v]);
        }
    }
    store<Size>(sums, to);
}

/// While one input is multiplied, the next one's line is composed: its loads hide behind the products.
template <int Size, int Count>
void fused(const FusedArguments& a, const Destination& to) {
    Vec sums[Size][kVectors];
    VTVC_UNROLL for (int m = 0; m < Size; ++m) {
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) sums[m][v] = hn::Zero(kTag);
    }
    prefetch<Size>(to);
    constexpr int ahead = 8;
    // Where every line is used the processor sees one stream by itself, and asking takes slots of the loads.
    const bool gaps = a.line != (1 + a.terms.count) * kLanes;
    const float* x = a.x;
    const float* HWY_RESTRICT bank = a.bank;
    float* HWY_RESTRICT weights = a.weights;
    Terms terms = a.terms;
    Vec line[kVectors];
    VTVC_UNROLL for (int v = 0; v < kVectors; ++v) line[v] = composed<Count>(bank, terms, v);
    for (std::int64_t i = 0; i < a.inputs; ++i, x += Size) {
        bank += a.line;
        near(x);
        // Keeps the compiler from holding every z in a vector register of its own: the sums need them.
        asm volatile("" : "+r"(terms.z));
        if (gaps) {
            const float* later = bank + ahead * a.line;
            __builtin_prefetch(later);
            if constexpr (Count > 0) {
                VTVC_UNROLL for (int k = 0; k < Count; ++k) __builtin_prefetch(later + terms.offsets[k]);
            } else if constexpr (Count < 0) {
                for (int k = 0; k < terms.count; ++k) __builtin_prefetch(later + terms.offsets[k]);
            }
        }
        __builtin_prefetch(x + 12 * Size, 0, 0);
        if constexpr (Size > 16) __builtin_prefetch(x + 12 * Size + 16, 0, 0);
        if (weights != nullptr) {
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v) hn::Store(line[v], kTag, weights + v * kVector);
            weights += kLanes;
        }
        Vec next[kVectors];
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) next[v] = composed<Count>(bank, terms, v);
        VTVC_UNROLL for (int m = 0; m < Size; ++m) {
            const Vec own = hn::Set(kTag, x[m]);
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v) sums[m][v] = hn::MulAdd(own, line[v], sums[m][v]);
        }
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) line[v] = next[v];
    }
    store<Size>(sums, to);
}

/// Inputs of one register block of composition: each coefficient is spread over a vector once for all.
template <int Inputs>
HWY_INLINE void compose_block(const float* HWY_RESTRICT bank, std::int64_t line, const Terms& terms,
                              float* HWY_RESTRICT weights) {
    VTVC_UNROLL for (int v = 0; v < kVectors; ++v) {
        const float* HWY_RESTRICT from = bank + v * kVector;
        Vec even[Inputs], odd[Inputs];
        VTVC_UNROLL for (int i = 0; i < Inputs; ++i) even[i] = hn::Load(kTag, from + i * line);
        for (int k = 0; k < terms.count; k += 2) {
            const Vec z = hn::Set(kTag, terms.z[k]);
            const float* tau = from + terms.offsets[k];
            VTVC_UNROLL for (int i = 0; i < Inputs; ++i) even[i] =
                hn::MulAdd(z, hn::Load(kTag, tau + i * line), even[i]);
        }
        if (terms.count > 1) {
            const Vec first = hn::Set(kTag, terms.z[1]);
            VTVC_UNROLL for (int i = 0; i < Inputs; ++i) odd[i] =
                hn::Mul(first, hn::Load(kTag, from + terms.offsets[1] + i * line));
            for (int k = 3; k < terms.count; k += 2) {
                const Vec z = hn::Set(kTag, terms.z[k]);
                const float* tau = from + terms.offsets[k];
                VTVC_UNROLL for (int i = 0; i < Inputs; ++i) odd[i] =
                    hn::MulAdd(z, hn::Load(kTag, tau + i * line), odd[i]);
            }
            VTVC_UNROLL for (int i = 0; i < Inputs; ++i) even[i] = hn::Add(even[i], odd[i]);
        }
        VTVC_UNROLL for (int i = 0; i < Inputs; ++i)
            hn::Store(even[i], kTag, weights + i * kLanes + v * kVector);
    }
}

void compose(const float* bank, std::int64_t line, const Terms& terms, std::int64_t inputs, float* weights) {
    std::int64_t i = 0;
    for (; i + kComposeInputs <= inputs; i += kComposeInputs)
        compose_block<kComposeInputs>(bank + i * line, line, terms, weights + i * kLanes);
    for (; i < inputs; ++i) compose_block<1>(bank + i * line, line, terms, weights + i * kLanes);
}

/// A tile of dW in registers, then its products with the tile of every wanted τ_k.
void gradient(const GradientArguments& a) {
    Vec dw[kGradientRows][kVectors];
    VTVC_UNROLL for (int m = 0; m < kGradientRows; ++m) {
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) dw[m][v] = hn::Zero(kTag);
    }
    const float* x = a.x;
    const float* HWY_RESTRICT dy = a.dy;
    for (std::int64_t t = 0; t < a.tokens; ++t, x += kGradientRows, dy += kLanes) {
        near(x);
        // The next sample's tokens lie behind this one's.
        __builtin_prefetch(dy + a.tokens * kLanes);
        Vec line[kVectors];
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) line[v] = hn::Load(kTag, dy + v * kVector);
        VTVC_UNROLL for (int m = 0; m < kGradientRows; ++m) {
            const Vec own = hn::Set(kTag, x[m]);
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v) dw[m][v] = hn::MulAdd(own, line[v], dw[m][v]);
        }
    }
    if (a.inputs == kGradientRows) {
        constexpr int chains = kGradientRows < 4 ? 1 : 4 / kVectors;
        for (int k = 0; k < a.count; ++k) {
            const float* HWY_RESTRICT tau = a.bank + a.offsets[k];
            VTVC_UNROLL for (int v = 0; v < kVectors; ++v) {
                Vec sum[chains];
                VTVC_UNROLL for (int m = 0; m < kGradientRows; ++m) {
                    const Vec own = hn::Load(kTag, tau + m * a.line + v * kVector);
                    sum[m % chains] =
                        m < chains ? hn::Mul(dw[m][v], own) : hn::MulAdd(dw[m][v], own, sum[m % chains]);
                }
                VTVC_UNROLL for (int c = 1; c < chains; ++c) sum[0] = hn::Add(sum[0], sum[c]);
                float* sums = a.sums + k * kLanes + v * kVector;
                hn::Store(hn::Add(hn::Load(kTag, sums), sum[0]), kTag, sums);
            }
        }
        return;
    }
    alignas(64) float tile[kGradientRows][kLanes];
    VTVC_UNROLL for (int m = 0; m < kGradientRows; ++m) {
        VTVC_UNROLL for (int v = 0; v < kVectors; ++v) hn::Store(dw[m][v], kTag, tile[m] + v * kVector);
    }
    for (int k = 0; k < a.count; ++k) {
        const float* tau = a.bank + a.offsets[k];
        for (int v = 0; v < kVectors; ++v) {
            float* sums = a.sums + k * kLanes + v * kVector;
            Vec sum = hn::Load(kTag, sums);
            for (int m = 0; m < a.inputs; ++m)
                sum = hn::MulAdd(hn::Load(kTag, tile[m] + v * kVector),
                                 hn::Load(kTag, tau + m * a.line + v * kVector), sum);
            hn::Store(sum, kTag, sums);
        }
    }
}

#include "decode.inl.hpp"

using Multiply = void (*)(const MultiplyArguments&, const Destination&);
using Fused = void (*)(const FusedArguments&, const Destination&);
constexpr int kMost = kSizes.back();

constexpr bool is_size(int size) {
    for (const int s : kSizes)
        if (s == size) return true;
    return false;
}

template <int Size>
constexpr Multiply multiply_of() {
    if constexpr (is_size(Size)) return &multiply<Size>;
    return nullptr;
}
template <int... Size>
constexpr std::array<Multiply, sizeof...(Size)> make_multiply(std::integer_sequence<int, Size...>) {
    return {multiply_of<Size>()...};
}
constexpr auto kMultiply = make_multiply(std::make_integer_sequence<int, kMost + 1>{});

/// Compositions of up to eight terms have kernels of their own; more run one that counts.
constexpr int kCounts = 10;
template <int Size, int Count>
constexpr Fused fused_of() {
    if constexpr (is_size(Size) && Size >= kFusedLeast && Size <= kFusedMost)
        return &fused < Size, Count == kCounts - 1 ? -1 : Count > ;
    return nullptr;
}
template <int... Index>
constexpr std::array<Fused, sizeof...(Index)> make_fused(std::integer_sequence<int, Index...>) {
    return {fused_of<Index / kCounts, Index % kCounts>()...};
}
constexpr auto kFused = make_fused(std::make_integer_sequence<int, (kMost + 1) * kCounts>{});

void multiply_rows(int size, const MultiplyArguments& a, const Destination& to) {
    kMultiply[static_cast<std::size_t>(size)](a, to);
}
void fused_rows(int size, const FusedArguments& a, const Destination& to) {
    const int count = a.terms.count < kCounts - 1 ? a.terms.count : kCounts - 1;
    const auto row = static_cast<std::size_t>(size), column = static_cast<std::size_t>(count);
    kFused[row * kCounts + column](a, to);
}

constexpr Kernels kKernels{kName,         kSizes.data(), static_cast<int>(kSizes.size()),
                           kFusedLeast,   kFusedMost,    kFusedTerms,
                           kGradientRows, multiply_rows, fused_rows,
                           compose,       gradient,      decode};

}  // namespace

const Kernels* table() { return &kKernels; }

}  // namespace vtvc::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vtvc {
namespace cpu {
namespace {

HWY_EXPORT(table);

/// The table of the best target that the mask allows; 0 allows all.
const Kernels* table_of(std::int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    return HWY_DYNAMIC_DISPATCH(table)();
}

const Kernels*& chosen() {
    static const Kernels* table = table_of(0);
    return table;
}

std::vector<const Kernels*> runnable() {
    hwy::SetSupportedTargetsForTest(0);
    std::vector<const Kernels*> found;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) found.push_back(table_of(target));
    table_of(0);
    return found;
}

}  // namespace

const Kernels& kernels() { return *chosen(); }

}  // namespace cpu

std::string engine_isa() { return cpu::kernels().name; }

std::vector<std::string> engine_isas() {
    std::vector<std::string> names;
    for (const cpu::Kernels* table : cpu::runnable()) names.emplace_back(table->name);
    return names;
}

void use_engine_isa(const std::string& name) {
    const std::vector<const cpu::Kernels*> all = cpu::runnable();
    for (const cpu::Kernels* table : all)
        if (name.empty() || name == table->name) {
            cpu::chosen() = table;
            return;
        }
    fail<ConfigError>("instruction set '{}' is not one of this processor and build; there are: {}", name,
                      fmt::join(engine_isas(), ", "));
}

}  // namespace vtvc
#endif
