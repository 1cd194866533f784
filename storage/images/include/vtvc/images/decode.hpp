#pragma once
// JPEG, PNG and netpbm (P2, P3, P5, P6) to 8-bit pixels, as Pillow's Image.open(…).convert("RGB") or ("L")
// gives them, bit by bit, but for three things. 16-bit grey is scaled to 8 bits (Pillow saturates it: nearly
// all white). Data that end early or do not decode are an error everywhere (Pillow fills some of it with
// grey). The EXIF orientation is not applied: neither does CLIP's own preprocessing, nor torchvision's
// ImageFolder.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vtvc/core/schema.hpp"

namespace vtvc {

enum class Colour { rgb, grey };
template <>
struct EnumNames<Colour> {
    static constexpr std::array<std::string_view, 2> names{"rgb", "grey"};
};
std::int64_t channels_of(Colour colour);

/// height × width × channels bytes, row by row.
struct Image {
    std::int64_t height = 0, width = 0, channels = 3;
    std::vector<std::uint8_t> pixels = {};
};

/// Larger pictures are refused before anything is allocated for them. A picture of this size takes 402 MB.
inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 27;

/// What the first bytes say, whatever the file is called; unknown for everything that is not read here.
enum class ImageFormat { unknown, jpeg, png, netpbm };
ImageFormat image_format(std::span<const std::byte> file);

/// The whole file in memory to pixels. StorageError, without the file's name: not a picture of these kinds,
/// cut, damaged, larger than kMaxPixels, or promising more pixels than its bytes can hold. Thread-safe.
Image decode_image(std::span<const std::byte> file, Colour colour);

}  // namespace vtvc
