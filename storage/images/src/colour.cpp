#include "colour.hpp"

#include <algorithm>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

/// a · b / 255, rounded, for bytes.
int product(int a, int b) {
    const int sum = a * b + 128;
    return ((sum >> 8) + sum) >> 8;
}

}  // namespace

std::int64_t channels_of(Colour colour) { return colour == Colour::rgb ? 3 : 1; }

std::uint8_t luma(int red, int green, int blue) {
    return static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

void inverted_cmyk_to_rgb(Image& image) {
    const std::size_t pixels = image.pixels.size() / 4;
    for (std::size_t i = 0; i < pixels; ++i) {
        const std::uint8_t* in = image.pixels.data() + 4 * i;
        const int light = in[3];  // 255 − black ink
        const std::array<int, 3> inks{255 - in[0], 255 - in[1], 255 - in[2]};
        for (std::size_t c = 0; c < 3; ++c)
            image.pixels[3 * i + c] =
                static_cast<std::uint8_t>(std::clamp(light - product(inks[c], light), 0, 255));
    }
    image.pixels.resize(3 * pixels);
    image.channels = 3;
}

void to_colour(Image& image, Colour colour) {
    const auto wanted = channels_of(colour);
    if (image.channels == wanted) return;
    const auto pixels = static_cast<std::size_t>(image.height * image.width);
    std::vector<std::uint8_t> converted(pixels * static_cast<std::size_t>(wanted));
    for (std::size_t i = 0; i < pixels; ++i) {
        if (colour == Colour::grey) {
            const std::uint8_t* in = image.pixels.data() + 3 * i;
            converted[i] = luma(in[0], in[1], in[2]);
        } else {
            std::fill_n(converted.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, image.pixels[i]);
        }
    }
    image.pixels = std::move(converted);
    image.channels = wanted;
}

void check_pixels(std::int64_t height, std::int64_t width) {
    if (height < 1 || width < 1) fail<StorageError>("a picture of {} x {} has no pixels", width, height);
    if (height > kMaxPixels / width)
        fail<StorageError>("a picture of {} x {} is too large ({} pixels at most); make it smaller", width,
                           height, kMaxPixels);
}

}  // namespace vtvc
