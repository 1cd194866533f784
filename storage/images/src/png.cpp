// PNG through libpng: every colour type, depth and interlacing. As in jpeg.cpp every call runs inside
// guarded().
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <utility>

#include "colour.hpp"
#include "formats.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

struct Input {
    std::span<const std::byte> rest;
    std::array<char, 160> text{};
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
    auto* input = static_cast<Input*>(png_get_error_ptr(png));
    std::snprintf(input->text.data(), input->text.size(), "%s", message);
    png_longjmp(png, 1);
}

void read_bytes(png_structp png, png_bytep out, png_size_t count) {
    auto* input = static_cast<Input*>(png_get_io_ptr(png));
    if (count > input->rest.size()) png_error(png, "the file ends early");
    std::memcpy(out, input->rest.data(), count);
    input->rest = input->rest.subspan(count);
}

class Png {
  public:
    explicit Png(std::span<const std::byte> file) : input_{.rest = file} {
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, on_error,
                                      [](png_structp, png_const_charp) {});
        if (png_ != nullptr) info_ = png_create_info_struct(png_);
        if (info_ == nullptr) {
            png_destroy_read_struct(&png_, nullptr, nullptr);
            fail<StorageError>("no memory for a PNG decoder");
        }
    }
    ~Png() { png_destroy_read_struct(&png_, &info_, nullptr); }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;

    Image read() {
        const std::size_t file_bytes = input_.rest.size();
        guarded([this] {
            png_set_read_fn(png_, &input_, read_bytes);
            png_set_user_limits(png_, 1 << 27, 1 << 27);  // check_pixels below is the real limit
            // Profiles, texts and the like change no pixel here: not even unpacked.
            png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
            png_read_info(png_, info_);
        });
        Image image{.height = png_get_image_height(png_, info_), .width = png_get_image_width(png_, info_)};
        check_pixels(image.height, image.width);
        // Deflate makes at most 1,032 bytes of one.
        const auto packed_bits =
            std::uint64_t{png_get_bit_depth(png_, info_)} * png_get_channels(png_, info_);
        if (static_cast<std::uint64_t>(image.height * image.width) * packed_bits / 8 / 1032 > file_bytes)
            fail<StorageError>("a PNG of {} x {} in {} bytes (they cannot hold so much); was it cut?",
                               image.width, image.height, file_bytes);
        guarded([this] {
            if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE) {
                png_set_palette_to_rgb(png_);
            } else if (png_get_bit_depth(png_, info_) < 8) {
                png_set_expand_gray_1_2_4_to_8(png_);
            }
            png_set_strip_16(png_);
            png_set_strip_alpha(png_);
            passes_ = png_set_interlace_handling(png_);
            png_read_update_info(png_, info_);
        });
        image.channels = png_get_channels(png_, info_);
        const std::size_t row_bytes = png_get_rowbytes(png_, info_);
        if (row_bytes != static_cast<std::size_t>(image.width * image.channels))
            fail<StorageError>("a PNG whose rows have {} bytes for {} pixels", row_bytes, image.width);
        image.pixels.resize(static_cast<std::size_t>(image.height) * row_bytes);
        std::uint8_t* const pixels = image.pixels.data();
        const std::int64_t height = image.height;
        guarded([&] {
            for (int pass = 0; pass < passes_; ++pass)
                for (std::int64_t y = 0; y < height; ++y)
                    png_read_row(png_, pixels + static_cast<std::size_t>(y) * row_bytes, nullptr);
            png_read_end(png_, nullptr);
        });
        return image;
    }

  private:
    template <class Calls>
    void guarded(const Calls& calls) {
        if (setjmp(png_jmpbuf(png_)) != 0)
            fail<StorageError>("the PNG is damaged ({})", static_cast<const char*>(input_.text.data()));
        calls();
    }

    Input input_;
    png_structp png_ = nullptr;
    png_infop info_ = nullptr;
    int passes_ = 1;
};

}  // namespace

Image decode_png(std::span<const std::byte> file) { return Png(file).read(); }

}  // namespace vtvc
