// JPEG through libjpeg-turbo: baseline, extended, progressive, Huffman or arithmetic; grey, colour, CMYK. The
// library reports errors by leaping out of its calls: every call runs inside guarded(), whose locals have
// nothing to destroy.
#include <csetjmp>
#include <cstdio>
// Needs size_t and FILE first.
#include <jpeglib.h>
// Its message codes.
#include <jerror.h>

#include <array>

#include "colour.hpp"
#include "formats.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

/// A picture whose scans outnumber this is a way to burn hours: the standard's progressions need fewer than a
/// hundred.
constexpr int kMaxScans = 200;

struct Errors {
    jpeg_error_mgr base{};
    std::jmp_buf place{};
    std::array<char, JMSG_LENGTH_MAX> text{};
};

[[noreturn]] void leave(j_common_ptr info) {
    auto* errors = reinterpret_cast<Errors*>(info->err);
    info->err->format_message(info, errors->text.data());
    std::longjmp(errors->place, 1);
}

/// Warnings that mean lost pixels are errors; oddities (bytes between the segments, an unusual Adobe marker)
/// are not.
void on_message(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
        case JWRN_JPEG_EOF:
        case JWRN_HIT_MARKER:
        case JWRN_HUFF_BAD_CODE:
        case JWRN_ARITH_BAD_CODE:
        case JWRN_MUST_RESYNC:
            leave(info);
        default:
            ++info->err->num_warnings;
    }
}

void on_progress(j_common_ptr info) {
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
    auto* errors = reinterpret_cast<Errors*>(info->err);
    std::snprintf(errors->text.data(), errors->text.size(), "more than %d scans", kMaxScans);
    std::longjmp(errors->place, 1);
}

/// Freed also where the constructor of its owner throws, as it does for most damage.
struct Decoder : jpeg_decompress_struct {
    ~Decoder() { jpeg_destroy_decompress(this); }
};

class Jpeg {
  public:
    explicit Jpeg(std::span<const std::byte> file) {
        info_.err = jpeg_std_error(&errors_.base);
        errors_.base.error_exit = leave;
        errors_.base.emit_message = on_message;
        errors_.base.output_message = [](j_common_ptr) {};
        progress_.progress_monitor = on_progress;
        guarded([&] {
            jpeg_create_decompress(&info_);
            info_.progress = &progress_;
            jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
            (void)jpeg_read_header(&info_, TRUE);  // anything but a picture is an error of its own
        });
        check_pixels(info_.image_height, info_.image_width);
        // Huffman codes have a bit at least for each 8 × 8 block of the finest component.
        if (!info_.arith_code &&
            static_cast<std::uint64_t>(info_.image_height) * info_.image_width / 512 > file.size() + 64)
            fail<StorageError>(
                "a JPEG of {} x {} in {} bytes (each needs 512 pixels' worth at least); was it cut?",
                info_.image_width, info_.image_height, file.size());
    }
    Jpeg(const Jpeg&) = delete;
    Jpeg& operator=(const Jpeg&) = delete;

    Image read() {
        switch (info_.num_components) {
            case 1:
                info_.out_color_space = JCS_GRAYSCALE;
                break;
            case 3:
                info_.out_color_space = JCS_RGB;
                break;
            case 4:
                info_.out_color_space = JCS_CMYK;
                break;
            default:
                fail<StorageError>("a JPEG of {} components (1, 3 and 4 are known)", info_.num_components);
        }
        guarded([&] { (void)jpeg_start_decompress(&info_); });
        Image image{
            .height = info_.output_height, .width = info_.output_width, .channels = info_.output_components};
        const auto row_bytes = static_cast<std::size_t>(image.width * image.channels);
        image.pixels.resize(static_cast<std::size_t>(image.height) * row_bytes);
        std::uint8_t* const pixels = image.pixels.data();
        guarded([&] {
            while (info_.output_scanline < info_.output_height) {
                JSAMPROW row = pixels + info_.output_scanline * row_bytes;
                (void)jpeg_read_scanlines(&info_, &row, 1);  // the whole file is in memory: never suspends
            }
            (void)jpeg_finish_decompress(&info_);
        });
        if (image.channels == 4) inverted_cmyk_to_rgb(image);
        return image;
    }

  private:
    template <class Calls>
    void guarded(const Calls& calls) {
        if (setjmp(errors_.place) != 0)
            fail<StorageError>("the JPEG is damaged ({})", static_cast<const char*>(errors_.text.data()));
        calls();
    }

    Errors errors_;
    jpeg_progress_mgr progress_{};
    Decoder info_{};
};

}  // namespace

Image decode_jpeg(std::span<const std::byte> file) { return Jpeg(file).read(); }

}  // namespace vtvc
