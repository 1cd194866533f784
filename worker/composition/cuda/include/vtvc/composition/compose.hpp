#pragma once
// Composing the weights of a batch of samples, W_b = W0 + Σ_k z_bk τ_k, for tiles of one block (method.md
// section 1, scheme a). Plain pointers and counts, no torch: the reference runs on the host, the kernel on a
// device, and both give the same bits.
#include <cstdint>
#include <span>

namespace vtvc {

/// A run of consecutive elements of a block; rows of a row-major matrix are such a run.
struct Tile {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// Every pointer is to float32, row-major: on the host for the reference, on the device for the kernel.
struct ComposeArguments {
    const float* base = nullptr;  ///< W0 [elements]
    const float* tau = nullptr;   ///< [tasks, elements]
    const float* z = nullptr;     ///< [samples, tasks]; exact zeros cost nothing
    /// Tile after tile, each as [samples, tile.count]; it may not overlap the inputs.
    float* out = nullptr;
    std::int64_t samples = 0;
    std::int64_t tasks = 0;  ///< at most most_compose_tasks
    std::int64_t elements = 0;
};

inline constexpr std::int64_t most_compose_tasks = 256;

/// How many floats out must hold.
std::int64_t composed_size(std::int64_t samples, std::span<const Tile> tiles);

/// One sum at a time, in the order of k. NumericError: a tile outside the block, or more tasks than allowed.
void compose_reference(const ComposeArguments& arguments, std::span<const Tile> tiles);

/// On the current device, in order on `stream` (a cudaStream_t; nullptr: the default stream); returns before
/// it is done. Each τ tile is read from device memory once for all samples. Errors as above, and CudaError:
/// the call, CUDA's text and the place; also in a build without CUDA.
void compose_on_device(const ComposeArguments& arguments, std::span<const Tile> tiles, void* stream);

}  // namespace vtvc
