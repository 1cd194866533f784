#pragma once
// Resizing with antialiasing as Pillow's Image.resize does it, bit by bit, and CLIP's preprocessing up to the
// normalisation: shorter side to a size, square cut from the middle (torchvision's Resize and CenterCrop on
// Pillow images). Mean and standard deviation belong to the model, so pixels stay bytes.
#include <array>
#include <cstdint>
#include <string_view>

#include "vtvc/images/decode.hpp"

namespace vtvc {

/// bicubic: a = −1/2, support 2; bilinear: a triangle, support 1. Both are widened by the scale when
/// shrinking.
enum class Filter { bicubic, bilinear };
template <>
struct EnumNames<Filter> {
    static constexpr std::array<std::string_view, 2> names{"bicubic", "bilinear"};
};

/// A window of the resized picture; only its pixels are computed.
struct Window {
    std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// To height × width. ConfigError for sizes below one.
Image resize(const Image& image, std::int64_t height, std::int64_t width, Filter filter);
/// The same bytes as that window cut from resize(image, height, width, filter), without the rest.
Image resize_window(const Image& image, std::int64_t height, std::int64_t width, const Window& window,
                    Filter filter);

struct Preprocessing {
    std::int64_t resize =
        224;  ///< the shorter side becomes this; the longer one resize · long / short, cut off
    std::int64_t crop = 224;  ///< square from the middle (half pixels to the even side), at most resize
    Filter filter = Filter::bicubic;
};
/// ConfigError when crop exceeds resize or either is below one or above 8,192.
void check(const Preprocessing& steps);
/// crop × crop pixels. StorageError for a picture so thin that the longer side would pass 2³⁰ pixels.
Image preprocess(const Image& image, const Preprocessing& steps);

}  // namespace vtvc
