#pragma once
// PNG files of 8 bit grey or RGB pictures, as data URIs.
#include <cstdint>
#include <span>
#include <string>

namespace vtvc::report {

/// pixels: height × width × channels (1 or 3). NumericError for other shapes.
std::string png(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width,
                std::int64_t channels);
std::string base64(std::string_view bytes);
/// "data:image/png;base64,…"
std::string png_uri(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width,
                    std::int64_t channels);

}  // namespace vtvc::report
