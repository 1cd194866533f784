#pragma once
// A valid safetensors file of whatever tensors the pieces describe: names, types, shapes and numbers are the
// fuzzer's, the container is not in their way.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pieces.hpp"

namespace vtvc::fuzz {

/// Numbers of a tensor: all zero, NaN, infinite, or eight bytes again and again.
enum class Numbers : std::uint8_t { zero, nan, infinite, given };

/// Until the pieces end: name, type, shape, numbers. What is too large, or named before, is left out.
std::string weights_file(Pieces& pieces);

/// The other way round, for seeds.
struct Weight {
    std::string name;
    std::vector<std::int64_t> shape;
};
void describe_weights(PieceWriter& out, const std::vector<Weight>& weights);

}  // namespace vtvc::fuzz
