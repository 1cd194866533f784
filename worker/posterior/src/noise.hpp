#pragma once
// Random tensors whose row b is a pure function of (seed, purpose, ids[b], key): the same in any batch, on
// any rank, in any order.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "vtvc/core/random.hpp"

namespace vtvc {

/// What a noise's key counts. The kinds never meet: each has the upper half of the 64-bit step to itself.
enum class Draws : std::uint64_t { training = 0, evaluation = 1, dropout = 2 };

struct NoiseKey {
    std::uint64_t seed;
    Draws draws;
    std::int64_t number;  ///< of the draw; below 2^32

    Stream stream(Purpose purpose, std::int64_t id) const;
};

/// [ids, columns], standard normal, of the type and device of like.
at::Tensor normal_noise(const NoiseKey& key, const std::vector<std::int64_t>& ids, std::int64_t columns,
                        const at::Tensor& like);
/// [ids, columns], uniform in the open interval (0, 1) in the type of like.
at::Tensor uniform_noise(const NoiseKey& key, const std::vector<std::int64_t>& ids, std::int64_t columns,
                         const at::Tensor& like);

}  // namespace vtvc
