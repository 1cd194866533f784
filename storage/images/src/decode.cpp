#include "vtvc/images/decode.hpp"

#include <algorithm>
#include <initializer_list>

#include "colour.hpp"
#include "formats.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

bool starts_with(std::span<const std::byte> file, std::initializer_list<int> bytes) {
    return file.size() >= bytes.size() &&
           std::equal(bytes.begin(), bytes.end(), file.begin(),
                      [](int byte, std::byte found) { return std::byte(byte) == found; });
}

/// Names kinds that people do meet, so that the message says what the file is.
std::string_view other_kind(std::span<const std::byte> file) {
    if (starts_with(file, {'G', 'I', 'F', '8'})) return "a GIF";
    if (starts_with(file, {'B', 'M'})) return "a BMP";
    if (starts_with(file, {'R', 'I', 'F', 'F'}) && file.size() >= 12 &&
        starts_with(file.subspan(8), {'W', 'E', 'B', 'P'}))
        return "a WebP picture";
    if (starts_with(file, {'I', 'I', 42, 0}) || starts_with(file, {'M', 'M', 0, 42})) return "a TIFF";
    if (file.size() >= 12 && starts_with(file.subspan(4), {'f', 't', 'y', 'p'}))
        return "an AVIF or HEIF picture";
    if (starts_with(file, {'P', '1'}) || starts_with(file, {'P', '4'})) return "a bitmap (PBM)";
    return "not a picture of a kind known here";
}

}  // namespace

ImageFormat image_format(std::span<const std::byte> file) {
    if (starts_with(file, {0xff, 0xd8, 0xff})) return ImageFormat::jpeg;
    if (starts_with(file, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'})) return ImageFormat::png;
    for (const int kind : {'2', '3', '5', '6'})
        if (starts_with(file, {'P', kind})) return ImageFormat::netpbm;
    return ImageFormat::unknown;
}

Image decode_image(std::span<const std::byte> file, Colour colour) {
    if (file.empty()) fail<StorageError>("the file is empty");
    Image image;
    switch (image_format(file)) {
        case ImageFormat::jpeg:
            image = decode_jpeg(file);
            break;
        case ImageFormat::png:
            image = decode_png(file);
            break;
        case ImageFormat::netpbm:
            image = decode_netpbm(file);
            break;
        case ImageFormat::unknown:
            fail<StorageError>("it is {} (JPEG, PNG, PGM and PPM are read); convert it", other_kind(file));
    }
    to_colour(image, colour);
    return image;
}

}  // namespace vtvc
