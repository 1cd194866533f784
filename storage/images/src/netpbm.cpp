// Netpbm: P2 and P5 (grey), P3 and P6 (colour); P2 and P3 spell their values in decimal. Largest value 1 to
// 65,535.
#include <algorithm>
#include <cmath>

#include "colour.hpp"
#include "formats.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

class Text {
  public:
    explicit Text(std::span<const std::byte> file) : file_(file) {}

    /// The next number, after white space and comments (# to the end of the line).
    std::int64_t number(const char* what) {
        skip();
        std::int64_t value = 0;
        const std::size_t start = at_;
        for (; at_ < file_.size() && digit(peek()); ++at_) {
            if (at_ - start == 9) fail<StorageError>("the netpbm file's {} has ten digits or more", what);
            value = 10 * value + (peek() - '0');
        }
        if (at_ == start) {
            if (at_ == file_.size())
                fail<StorageError>("the netpbm file ends where its {} should be; was it cut?", what);
            fail<StorageError>("the netpbm file's {} is not a number (byte {})", what, at_);
        }
        return value;
    }
    /// The one byte of white space between header and values.
    void end_header() {
        if (at_ >= file_.size() || !space(peek()))
            fail<StorageError>("the netpbm file's header does not end in white space; was it cut?");
        ++at_;
    }
    std::span<const std::byte> rest() const { return file_.subspan(at_); }
    void advance(std::size_t bytes) { at_ += bytes; }

  private:
    static bool digit(char c) { return c >= '0' && c <= '9'; }
    static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    char peek() const { return static_cast<char>(file_[at_]); }
    void skip() {
        for (; at_ < file_.size(); ++at_) {
            if (peek() == '#')
                while (at_ < file_.size() && peek() != '\n' && peek() != '\r') ++at_;
            else if (!space(peek()))
                return;
            if (at_ == file_.size()) return;
        }
    }

    std::span<const std::byte> file_;
    std::size_t at_ = 0;
};

/// Values 0 to largest spread over 0 to 255, half to even; larger ones count as largest.
std::vector<std::uint8_t> byte_scale(std::int64_t largest) {
    std::vector<std::uint8_t> scale(65536, 255);
    for (std::int64_t value = 0; value <= largest; ++value)
        scale[static_cast<std::size_t>(value)] = static_cast<std::uint8_t>(
            std::nearbyint(static_cast<double>(value) / static_cast<double>(largest) * 255));
    return scale;
}

}  // namespace

Image decode_netpbm(std::span<const std::byte> file) {
    const char kind = static_cast<char>(file[1]);
    Text text(file);
    text.advance(2);
    Image image;
    image.channels = kind == '3' || kind == '6' ? 3 : 1;
    image.width = text.number("width");
    image.height = text.number("height");
    const std::int64_t largest = text.number("largest value");
    if (largest < 1 || largest > 65535)
        fail<StorageError>("the netpbm file's largest value is {} (1 to 65535 are known)", largest);
    check_pixels(image.height, image.width);
    const bool spelt = kind == '2' || kind == '3';
    const std::size_t value_bytes = largest > 255 ? 2 : 1;
    const auto values = static_cast<std::size_t>(image.height * image.width * image.channels);
    if (!spelt) text.end_header();
    // A spelt value takes a digit and a blank, but for the last.
    const std::size_t needed = spelt ? 2 * values - 1 : values * value_bytes;
    if (text.rest().size() < needed)
        fail<StorageError>(
            "the netpbm file promises {} x {} pixels ({} bytes at least) and {} follow; was it cut?",
            image.width, image.height, needed, text.rest().size());
    image.pixels.resize(values);
    const auto scale = byte_scale(largest);
    if (spelt) {
        for (auto& pixel : image.pixels) {
            const std::int64_t value = text.number("values");
            if (value > largest)
                fail<StorageError>("a value of the netpbm file is {} (its largest is {})", value, largest);
            pixel = scale[static_cast<std::size_t>(value)];
        }
    } else {
        const auto bytes = text.rest();
        for (std::size_t i = 0; i < values; ++i) {
            const auto high = static_cast<std::size_t>(bytes[i * value_bytes]);
            image.pixels[i] =
                scale[value_bytes == 1 ? high : 256 * high + static_cast<std::size_t>(bytes[2 * i + 1])];
        }
    }
    return image;
}

}  // namespace vtvc
