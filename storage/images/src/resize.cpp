// Two passes, across and down, each a weighted sum of bytes with integer weights of 22 fractional bits,
// rounded and clamped to a byte in between: the arithmetic of Pillow's 8-bit resampling, so that its bytes
// come out.
#include "vtvc/images/resize.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

constexpr int kFractionBits = 22;  // 32 − 8 bits of a pixel − 2 of room for sums above one

double kernel(Filter filter, double x) {
    x = std::abs(x);
    if (filter == Filter::bilinear) return x < 1 ? 1 - x : 0;
    constexpr double a = -.5;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/// Which input pixels make an output pixel, and how much of each.
struct Taps {
    std::int64_t first = 0, count = 0;
};
struct Weights {
    std::int64_t width = 0;  // of a row of values
    std::vector<Taps> taps;
    std::vector<std::int32_t> values;
    const std::int32_t* of(std::int64_t output) const { return values.data() + output * width; }
};

/// For output pixels [first, first + count) of a side that goes from `from` to `to` pixels.
Weights weights_for(std::int64_t from, std::int64_t to, std::int64_t first, std::int64_t count,
                    Filter filter) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double widened = std::max(scale, 1.);
    const double support = (filter == Filter::bicubic ? 2. : 1.) * widened;
    Weights weights;
    weights.width = std::min(static_cast<std::int64_t>(std::ceil(support)) * 2 + 1, from);
    weights.taps.resize(static_cast<std::size_t>(count));
    weights.values.resize(static_cast<std::size_t>(count * weights.width));
    std::vector<double> shares(static_cast<std::size_t>(weights.width));
    for (std::int64_t i = 0; i < count; ++i) {
        const double centre = (static_cast<double>(first + i) + .5) * scale;
        const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + .5));
        const auto end = std::min(from, static_cast<std::int64_t>(centre + support + .5));
        double sum = 0;
        for (std::int64_t x = begin; x < end; ++x) {
            const double share = kernel(filter, (static_cast<double>(x) - centre + .5) * (1 / widened));
            shares[static_cast<std::size_t>(x - begin)] = share;
            sum += share;
        }
        weights.taps[static_cast<std::size_t>(i)] = {begin, end - begin};
        for (std::int64_t x = 0; x < end - begin; ++x) {
            const double share =
                shares[static_cast<std::size_t>(x)] / (sum != 0 ? sum : 1) * (1 << kFractionBits);
            weights.values[static_cast<std::size_t>(i * weights.width + x)] =
                static_cast<std::int32_t>(share < 0 ? share - .5 : share + .5);
        }
    }
    return weights;
}

std::uint8_t to_byte(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

/// The input pixels that any output pixel needs.
Taps needed(const Weights& weights) {
    const std::int64_t first = weights.taps.front().first;
    return {first, weights.taps.back().first + weights.taps.back().count - first};
}

Image empty_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
    Image image{.height = height, .width = width, .channels = channels};
    image.pixels.resize(static_cast<std::size_t>(height * width * channels));
    return image;
}

/// One row across: out[i] from the taps of in. C is the number of channels, known so that sums stay in
/// registers.
template <int C>
void row_across(const std::uint8_t* in, const Weights& weights, std::int64_t left, std::uint8_t* out) {
    for (std::size_t i = 0; i < weights.taps.size(); ++i, out += C) {
        const auto [first, count] = weights.taps[i];
        const std::int32_t* weight = weights.of(static_cast<std::int64_t>(i));
        const std::uint8_t* pixel = in + (first - left) * C;
        std::array<std::int32_t, C> sums;
        sums.fill(kHalf);
        for (std::int64_t x = 0; x < count; ++x, pixel += C)
            for (int c = 0; c < C; ++c) sums[static_cast<std::size_t>(c)] += pixel[c] * weight[x];
        for (int c = 0; c < C; ++c) out[c] = to_byte(sums[static_cast<std::size_t>(c)]);
    }
}

/// The rows `rows` of in, resampled. Column 0 of in is column `left` of the picture that the weights speak
/// of.
Image pass_across(const Image& in, Taps rows, const Weights& weights, std::int64_t left) {
    Image out = empty_image(rows.count, static_cast<std::int64_t>(weights.taps.size()), in.channels);
    for (std::int64_t y = 0; y < rows.count; ++y) {
        const std::uint8_t* from = in.pixels.data() + (rows.first + y) * in.width * in.channels;
        std::uint8_t* to = out.pixels.data() + y * out.width * out.channels;
        if (in.channels == 3)
            row_across<3>(from, weights, left, to);
        else
            row_across<1>(from, weights, left, to);
    }
    return out;
}

/// The columns `columns` of in, resampled: sums of whole rows. Row 0 of in is row `top` of the picture.
Image pass_down(const Image& in, Taps columns, const Weights& weights, std::int64_t top) {
    Image out = empty_image(static_cast<std::int64_t>(weights.taps.size()), columns.count, in.channels);
    const std::int64_t stride = in.width * in.channels;
    std::vector<std::int32_t> sums(static_cast<std::size_t>(columns.count * in.channels));
    for (std::size_t i = 0; i < weights.taps.size(); ++i) {
        const auto [first, count] = weights.taps[i];
        const std::int32_t* weight = weights.of(static_cast<std::int64_t>(i));
        const std::uint8_t* from = in.pixels.data() + (first - top) * stride + columns.first * in.channels;
        std::fill(sums.begin(), sums.end(), kHalf);
        for (std::int64_t y = 0; y < count; ++y, from += stride)
            for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += from[x] * weight[y];
        std::uint8_t* to = out.pixels.data() + i * sums.size();
        for (std::size_t x = 0; x < sums.size(); ++x) to[x] = to_byte(sums[x]);
    }
    return out;
}

std::int64_t middle(std::int64_t size, std::int64_t crop) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size - crop) / 2));
}

}  // namespace

Image resize_window(const Image& image, std::int64_t height, std::int64_t width, const Window& window,
                    Filter filter) {
    if (height < 1 || width < 1 || window.height < 1 || window.width < 1 || window.top < 0 ||
        window.left < 0 || window.top > height - window.height || window.left > width - window.width)
        fail<ConfigError>("a window of {} x {} at ({}, {}) does not lie in a picture of {} x {}",
                          window.width, window.height, window.left, window.top, width, height);
    const Weights vertical = weights_for(image.height, height, window.top, window.height, filter);
    const Weights horizontal = weights_for(image.width, width, window.left, window.width, filter);
    // Bytes are rounded between the passes, so their order shows. Pillow 13's, found by experiment; up to 12
    // it is always across first.
    const Taps rows = needed(vertical), columns = needed(horizontal);
    if (height < image.height && 2 * (image.width - width) < image.height - height)
        return pass_across(pass_down(image, columns, vertical, 0), {0, window.height}, horizontal,
                           columns.first);
    return pass_down(pass_across(image, rows, horizontal, 0), {0, window.width}, vertical, rows.first);
}

Image resize(const Image& image, std::int64_t height, std::int64_t width, Filter filter) {
    return resize_window(image, height, width, {.height = height, .width = width}, filter);
}

void check(const Preprocessing& steps) {
    constexpr std::int64_t largest = 8192;
    if (steps.resize < 1 || steps.resize > largest || steps.crop < 1)
        fail<ConfigError>("pictures cannot be made {} pixels wide and cut to {} (1 to {} are possible)",
                          steps.resize, steps.crop, largest);
    if (steps.crop > steps.resize)
        fail<ConfigError>("a cut of {} pixels from pictures made {} wide (it would have to invent pixels)",
                          steps.crop, steps.resize);
}

Image preprocess(const Image& image, const Preprocessing& steps) {
    check(steps);
    const std::int64_t shorter = std::min(image.height, image.width);
    const std::int64_t longer = steps.resize * std::max(image.height, image.width) / shorter;
    if (longer > std::int64_t{1} << 30)
        fail<StorageError>("a picture of {} x {} is too thin (its longer side would become {} pixels)",
                           image.width, image.height, longer);
    const std::int64_t height = image.height <= image.width ? steps.resize : longer;
    const std::int64_t width = image.height <= image.width ? longer : steps.resize;
    return resize_window(image, height, width,
                         {.top = middle(height, steps.crop),
                          .left = middle(width, steps.crop),
                          .height = steps.crop,
                          .width = steps.crop},
                         steps.filter);
}

}  // namespace vtvc
