#include "png.hpp"

#include <zlib.h>

#include "vtvc/core/error.hpp"

namespace vtvc::report {
namespace {

std::string big_endian(std::uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
    return out;
}

const Bytef* as_bytes(const std::string& text) { return reinterpret_cast<const Bytef*>(text.data()); }

// Length, type, data, checksum of type and data.
std::string chunk(const std::string& type, const std::string& data) {
    const std::string body = type + data;
    const auto sum = static_cast<std::uint32_t>(crc32(0, as_bytes(body), static_cast<uInt>(body.size())));
    return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(sum);
}

}  // namespace

std::string png(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width,
                std::int64_t channels) {
    if ((channels != 1 && channels != 3) || height < 1 || width < 1 ||
        pixels.size() != static_cast<std::size_t>(height * width * channels))
        fail<NumericError>("{} bytes for a picture of {} × {} × {} (grey or RGB, every pixel once)",
                           pixels.size(), height, width, channels);
    const auto line = static_cast<std::size_t>(width * channels);
    std::string raw;
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
        raw += '\0';  // filter of the line: none
        raw.append(reinterpret_cast<const char*>(pixels.data()) + y * line, line);
    }
    uLongf size = compressBound(static_cast<uLong>(raw.size()));
    std::string packed(size, '\0');
    if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, as_bytes(raw),
                  static_cast<uLong>(raw.size()), Z_BEST_COMPRESSION) != Z_OK)
        fail<NumericError>("zlib could not compress a picture of {} × {}", height, width);
    packed.resize(size);

    const std::string depth_to_interlace{'\x08', channels == 1 ? '\x00' : '\x02', 0, 0, 0};
    return "\x89PNG\r\n\x1a\n" +
           chunk("IHDR", big_endian(static_cast<std::uint32_t>(width)) +
                             big_endian(static_cast<std::uint32_t>(height)) + depth_to_interlace) +
           chunk("IDAT", packed) + chunk("IEND", "");
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t word = 0;
        for (std::size_t j = 0; j < 3; ++j)
            word = word << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j)
            out += i + j < bytes.size() + 1 ? digits[(word >> (18 - 6 * j)) & 63u] : '=';
    }
    return out;
}

std::string png_uri(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width,
                    std::int64_t channels) {
    return "data:image/png;base64," + base64(png(pixels, height, width, channels));
}

}  // namespace vtvc::report
