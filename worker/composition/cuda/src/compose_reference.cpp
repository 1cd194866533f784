#include <cmath>

#include "compose_check.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

std::int64_t composed_size(std::int64_t samples, std::span<const Tile> tiles) {
    std::int64_t size = 0;
    for (const Tile& tile : tiles) {
        size += samples * tile.count;
    }
    return size;
}

void check_compose(const ComposeArguments& arguments, std::span<const Tile> tiles) {
    if (arguments.tasks < 0 || arguments.tasks > most_compose_tasks) {
        fail<NumericError>(
            "cannot compose {} task vectors at once (0 to {} fit into a chunk); compose a part of them",
            arguments.tasks, most_compose_tasks);
    }
    for (const Tile& tile : tiles) {
        if (tile.first < 0 || tile.count < 0 || tile.first + tile.count > arguments.elements) {
            fail<NumericError>("tile [{}, {}) lies outside its block of {} elements", tile.first,
                               tile.first + tile.count, arguments.elements);
        }
    }
}

void compose_reference(const ComposeArguments& arguments, std::span<const Tile> tiles) {
    check_compose(arguments, tiles);
    float* out = arguments.out;
    for (const Tile& tile : tiles) {
        for (std::int64_t b = 0; b < arguments.samples; ++b) {
            for (std::int64_t e = tile.first; e < tile.first + tile.count; ++e) {
                float sum = arguments.base[e];
                for (std::int64_t k = 0; k < arguments.tasks; ++k) {
                    const float z = arguments.z[b * arguments.tasks + k];
                    // Not 0·τ: an excluded task vector may hold anything, and −0 stays −0.
                    if (z != 0.0F) {
                        sum = std::fma(z, arguments.tau[k * arguments.elements + e], sum);
                    }
                }
                *out++ = sum;
            }
        }
    }
}

}  // namespace vtvc
