#pragma once
// The kernel, but for its launch, as functions of (block, thread): nvcc compiles them for the device, and a
// host build runs the same text thread by thread against the reference (tests/worker/composition_cuda).
//
// A thread block takes one chunk of one tile. It copies the chunk of W0 and of every τ_k to shared memory,
// once, and from there composes all samples: a warp takes four samples at a time, so that a τ value read from
// shared memory is used four times, and its lanes take neighbouring elements, so that loads and stores are
// coalesced. Coefficients are the same for all lanes of a warp: skipping exact zeros never diverges.
#include <cmath>
#include <cstdint>

#include "vtvc/composition/compose.hpp"

#ifdef __CUDACC__
#define VTVC_HOST_DEVICE __host__ __device__
#else
#define VTVC_HOST_DEVICE
#endif

namespace vtvc::compose_chunks {

inline constexpr int lanes = 32;
inline constexpr int warps = 8;
inline constexpr int threads = lanes * warps;
inline constexpr int samples_at_once = 4;
/// Shared memory a block may have on every device without asking for more, in floats (48 KiB).
inline constexpr std::int64_t shared_floats = 12288;

/// Elements of a chunk: whole warps of them, at most 512, so many that W0 and all τ fit into shared memory.
VTVC_HOST_DEVICE constexpr std::int64_t chunk_width(std::int64_t tasks) {
    const std::int64_t fits = shared_floats / (tasks + 1) / lanes * lanes;
    return fits < 512 ? fits : 512;
}
static_assert(chunk_width(most_compose_tasks) >= lanes);

/// A chunk: where its elements lie in the block, and where sample 0 of it goes.
struct Chunk {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t out = 0;
    std::int64_t out_stride = 0;  ///< from one sample to the next
};

VTVC_HOST_DEVICE constexpr std::int64_t chunks_of(std::int64_t count, std::int64_t width) {
    return (count + width - 1) / width;
}

/// Chunk `index` of a tile whose output begins at `out`.
VTVC_HOST_DEVICE constexpr Chunk chunk_at(const Tile& tile, std::int64_t out, std::int64_t index,
                                          std::int64_t width) {
    const std::int64_t offset = index * width;
    const std::int64_t left = tile.count - offset;
    return {tile.first + offset, left < width ? left : width, out + offset, tile.count};
}

/// Step 1, every thread: copies W0 and the τ_k of the chunk to shared [tasks + 1, width].
VTVC_HOST_DEVICE inline void load_chunk(const ComposeArguments& a, const Chunk& chunk, std::int64_t width,
                                        int thread, float* shared) {
    for (std::int64_t e = thread; e < chunk.count; e += threads) {
        shared[e] = a.base[chunk.first + e];
    }
    for (std::int64_t k = 0; k < a.tasks; ++k) {
        const float* tau = a.tau + k * a.elements + chunk.first;
        float* row = shared + (k + 1) * width;
        for (std::int64_t e = thread; e < chunk.count; e += threads) {
            row[e] = tau[e];
        }
    }
}

/// Step 2, after all threads finished step 1. The sum runs over k in order with one rounding a term, as the
/// reference's does.
VTVC_HOST_DEVICE inline void compose_chunk(const ComposeArguments& a, const Chunk& chunk, std::int64_t width,
                                           int thread, const float* shared) {
    const int lane = thread % lanes;
    for (std::int64_t b = (thread / lanes) * samples_at_once; b < a.samples; b += warps * samples_at_once) {
        const std::int64_t left = a.samples - b;
        const int group = left < samples_at_once ? static_cast<int>(left) : samples_at_once;
        for (std::int64_t e = lane; e < chunk.count; e += lanes) {
            float sum[samples_at_once];
            for (float& s : sum) {
                s = shared[e];
            }
            for (std::int64_t k = 0; k < a.tasks; ++k) {
                const float tau = shared[(k + 1) * width + e];
                for (int s = 0; s < group; ++s) {
                    const float z = a.z[(b + s) * a.tasks + k];
                    if (z != 0.0F) {
                        sum[s] = fmaf(z, tau, sum[s]);
                    }
                }
            }
            for (int s = 0; s < group; ++s) {
                a.out[chunk.out + (b + s) * chunk.out_stride + e] = sum[s];
            }
        }
    }
}

}  // namespace vtvc::compose_chunks
