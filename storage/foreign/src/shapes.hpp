#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vtvc::foreign {

/// More dimensions than any framework gives a tensor.
constexpr std::size_t kMostDimensions = 32;

/// Bytes of a tensor; nothing where a size is negative or their product, zeros left out, exceeds 63 bits.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, std::size_t item);
/// "[768, 3, 32, 32]"
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace vtvc::foreign
