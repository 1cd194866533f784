#pragma once
// The decoders, a file each. What they return has one or three channels, whichever the file holds.
#include <cstddef>
#include <span>

#include "vtvc/images/decode.hpp"

namespace vtvc {

Image decode_jpeg(std::span<const std::byte> file);
Image decode_png(std::span<const std::byte> file);
Image decode_netpbm(std::span<const std::byte> file);

}  // namespace vtvc
