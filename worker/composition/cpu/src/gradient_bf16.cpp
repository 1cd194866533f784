#include "gradient_bf16.hpp"

#include <algorithm>
#include <array>

#include "vtvc/core/error.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define VTVC_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
// Every loop over registers is unrolled by hand: one that is not puts the accumulators into memory.
#define VTVC_UNROLL _Pragma("GCC unroll 32")

namespace vtvc::cpu {
namespace {

constexpr std::int64_t kLanes = 16;

// The masked forms also where a mask is full: GCC 12 warns of its own header in the others.
/// Sixteen floats, or as many as the mask has, rounded; each in the low half of 32 bits.
VTVC_BF16 inline __m512i rounded(const float* from, __mmask16 mask) {
    const __m256bh narrow = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, from));
    return _mm512_maskz_cvtepu16_epi32(mask, (__m256i)narrow);
}

/// One pair of tokens.
VTVC_BF16 void copy_pair(const float* first, const float* second, std::int64_t width, std::uint32_t* to) {
    for (std::int64_t c = 0; c < width; c += kLanes) {
        const auto mask = static_cast<__mmask16>(width - c >= kLanes ? 0xFFFF : (1U << (width - c)) - 1);
        const __m512i high = _mm512_maskz_slli_epi32(mask, rounded(second + c, mask), 16);
        _mm512_mask_storeu_epi32(to + c, mask, _mm512_or_si512(rounded(first + c, mask), high));
    }
}

/// sums[k] += the tile of dW times that of τ_k. Rows past the block's last input are left out: their lines
/// would be another panel's.
template <bool Whole>
VTVC_BF16 inline void contract(const GradientArguments& a, const __m512 (&dw)[kBf16Rows]) {
    for (int k = 0; k < a.count; ++k) {
        const float* tau = a.bank + a.offsets[k];
        __m512 sum[4];
        VTVC_UNROLL for (int m = 0; m < kBf16Rows; ++m) {
            const __m512 own =
                Whole || m < a.inputs ? _mm512_loadu_ps(tau + m * a.line) : _mm512_setzero_ps();
            sum[m % 4] = m < 4 ? _mm512_mul_ps(dw[m], own) : _mm512_fmadd_ps(dw[m], own, sum[m % 4]);
        }
        const __m512 all = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
        float* sums = a.sums + k * kLanes;
        _mm512_storeu_ps(sums, _mm512_add_ps(_mm512_loadu_ps(sums), all));
    }
}

}  // namespace

bool has_bf16_products() {
    return __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0;
}

void copy_bf16_columns(const Activations& from, std::int64_t first, std::int64_t width, std::uint32_t* to) {
    const std::int64_t real = std::min(width, from.width - first);
    std::array<std::array<float, kBf16Rows>, 2> edge{};
    const auto row = [&](std::int64_t b, std::int64_t t, std::size_t which) -> const float* {
        std::array<float, kBf16Rows>& copy = edge.at(which);
        if (t >= from.tokens) {
            copy.fill(0);
            return copy.data();
        }
        const float* at =
            from.data + b * from.sample_stride + t * from.token_stride + first * from.width_stride;
        if (real == width && from.width_stride == 1) return at;
        for (std::int64_t c = 0; c < real; ++c)
            copy.at(static_cast<std::size_t>(c)) = at[c * from.width_stride];
        return copy.data();
    };
    for (std::int64_t b = 0; b < from.samples; ++b)
        for (std::int64_t t = 0; t < from.tokens; t += 2, to += width)
            copy_pair(row(b, t, 0), row(b, t + 1, 1), width, to);
}

VTVC_BF16 void bf16_gradient(const GradientArguments& a, const std::uint32_t* x, const std::uint32_t* dy) {
    constexpr int rows = kBf16Rows;
    __m512 dw[rows];
    VTVC_UNROLL for (int m = 0; m < rows; ++m) dw[m] = _mm512_setzero_ps();
    for (std::int64_t p = 0; p < a.tokens; ++p, x += rows, dy += kLanes) {
        // The next sample's tokens lie behind this one's.
        _mm_prefetch(reinterpret_cast<const char*>(dy + a.tokens * kLanes), _MM_HINT_T0);
        const __m512i line = _mm512_loadu_si512(dy);
        VTVC_UNROLL for (int m = 0; m < rows; ++m) {
            const __m512i own = _mm512_set1_epi32(static_cast<int>(x[m]));
            dw[m] = _mm512_dpbf16_ps(dw[m], (__m512bh)own, (__m512bh)line);
        }
    }
    if (a.inputs == rows) {
        contract<true>(a, dw);
    } else {
        contract<false>(a, dw);
    }
}

}  // namespace vtvc::cpu

#else

namespace vtvc::cpu {

bool has_bf16_products() { return false; }
void copy_bf16_columns(const Activations&, std::int64_t, std::int64_t, std::uint32_t*) {
    fail<NumericError>(
        "this build has no products in bf16 (they are of x86-64); ask has_bf16_products first");
}
void bf16_gradient(const GradientArguments&, const std::uint32_t*, const std::uint32_t*) {
    fail<NumericError>(
        "this build has no products in bf16 (they are of x86-64); ask has_bf16_products first");
}

}  // namespace vtvc::cpu

#endif
