// The launch of compose_chunks.hpp on a device: one grid a tile.
#include <cstddef>

#include "compose_check.hpp"
#include "compose_chunks.hpp"
#include "cuda_check.hpp"

namespace vtvc {
namespace {

using namespace compose_chunks;

__global__ void __launch_bounds__(threads)
    compose_kernel(ComposeArguments arguments, Tile tile, std::int64_t out) {
    extern __shared__ float shared[];
    const std::int64_t width = chunk_width(arguments.tasks);
    const std::int64_t chunks = chunks_of(tile.count, width);
    for (std::int64_t index = blockIdx.x; index < chunks; index += gridDim.x) {
        const Chunk chunk = chunk_at(tile, out, index, width);
        load_chunk(arguments, chunk, width, static_cast<int>(threadIdx.x), shared);
        __syncthreads();
        compose_chunk(arguments, chunk, width, static_cast<int>(threadIdx.x), shared);
        __syncthreads();  // before the next chunk overwrites this one
    }
}

}  // namespace

void compose_on_device(const ComposeArguments& arguments, std::span<const Tile> tiles, void* stream) {
    check_compose(arguments, tiles);
    constexpr std::int64_t most_blocks = 65535;
    const std::int64_t width = chunk_width(arguments.tasks);
    const auto shared_bytes = static_cast<std::size_t>((arguments.tasks + 1) * width) * sizeof(float);
    std::int64_t out = 0;
    for (const Tile& tile : tiles) {
        const std::int64_t chunks = chunks_of(tile.count, width);
        if (chunks > 0 && arguments.samples > 0) {
            const auto blocks = static_cast<unsigned>(chunks < most_blocks ? chunks : most_blocks);
            compose_kernel<<<blocks, threads, shared_bytes, static_cast<cudaStream_t>(stream)>>>(arguments,
                                                                                                 tile, out);
            VTVC_CUDA_CHECK(cudaGetLastError());
        }
        out += arguments.samples * tile.count;
    }
}

}  // namespace vtvc
