#pragma once
// Between the colour models of the files and the two that we store, in Pillow's integer arithmetic.
#include <span>

#include "vtvc/images/decode.hpp"

namespace vtvc {

/// Rec. 601 luma in 16-bit fixed point, rounded.
std::uint8_t luma(int red, int green, int blue);
/// image.pixels are CMYK as Adobe writes it (255: no ink), four bytes a pixel; becomes RGB.
void inverted_cmyk_to_rgb(Image& image);
/// To one or three channels; nothing where the image has that many already.
void to_colour(Image& image, Colour colour);

/// StorageError unless the sides are at least 1 and their product at most kMaxPixels.
void check_pixels(std::int64_t height, std::int64_t width);

}  // namespace vtvc
