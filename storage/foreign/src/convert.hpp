#pragma once
#include <cstddef>
#include <span>

#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc::foreign {

/// raw: out.size() little-endian elements of a floating type.
void convert_to_f32(std::span<const std::byte> raw, ForeignType type, std::span<float> out);

}  // namespace vtvc::foreign
