#include "vtvc/images/decode.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../support.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/images/resize.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

std::string golden(const std::string& name) {
    return read_text(std::filesystem::path(VTVC_TEST_SOURCE_DIR) / "../../golden/images" / name);
}
Image decode(const std::string& file, Colour colour = Colour::rgb) {
    return decode_image(std::as_bytes(std::span(file)), colour);
}
std::string ppm(const std::string& header, std::size_t bytes) { return header + std::string(bytes, 'x'); }

TEST(DecodeImage, GoesByContentNotByName) {
    const std::string png = golden("rgb.png"), jpeg = golden("420.jpg");
    EXPECT_EQ(image_format(std::as_bytes(std::span(png))), ImageFormat::png);
    EXPECT_EQ(image_format(std::as_bytes(std::span(jpeg))), ImageFormat::jpeg);
    EXPECT_EQ(image_format({}), ImageFormat::unknown);
}

TEST(DecodeImage, DoesNotTurnByExif) {
    const Image image = decode(golden("turned.jpg"));
    EXPECT_EQ(image.width, 37);
    EXPECT_EQ(image.height, 23);
}

TEST(DecodeImage, ScalesSixteenBitGreyWherePillowSaturates) {
    const Image image = decode(std::string("P5 2 1 65535\n") + '\x80' + '\0' + '\xff' + '\xff', Colour::grey);
    EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{128, 255}));
}

TEST(DecodeImage, NamesOtherKinds) {
    expect_refused([] { decode(""); }, {"the file is empty"});
    expect_refused([] { decode("GIF89a......"); }, {"a GIF", "convert it"});
    expect_refused([] { decode("BM......"); }, {"a BMP"});
    expect_refused([] { decode(std::string("RIFF\0\0\0\0WEBPVP8 ", 16)); }, {"a WebP picture"});
    expect_refused([] { decode(std::string("II*\0....", 8)); }, {"a TIFF"});
    expect_refused([] { decode(std::string("\0\0\0 ftypavif....", 16)); }, {"AVIF"});
    expect_refused([] { decode("P4\n1 1\nx"); }, {"PBM"});
    expect_refused([] { decode("<html>"); }, {"not a picture"});
}

/// Cut anywhere, a file is refused: nothing is filled in.
TEST(DecodeImage, RefusesEveryCutFile) {
    for (const char* name : {"420.jpg", "progressive.jpg", "cmyk.jpg", "restarts.jpg", "rgb.png",
                             "interlaced.png", "palette.png", "p6.ppm", "p3.ppm", "p6_1000.ppm"}) {
        const std::string whole = golden(name);
        const std::size_t step = std::max<std::size_t>(1, whole.size() / 97);
        for (std::size_t bytes = 0; bytes + 3 < whole.size(); bytes += step) {
            SCOPED_TRACE(std::string(name) + " cut to " + std::to_string(bytes));
            EXPECT_THROW(decode(whole.substr(0, bytes)), StorageError);
        }
    }
}

/// A changed byte may change pixels, or be refused; nothing else (sanitizers watch).
TEST(DecodeImage, SurvivesChangedBytes) {
    int refused = 0;
    for (const char* name :
         {"420.jpg", "progressive.jpg", "cmyk.jpg", "interlaced.png", "palette4.png", "p3.ppm"}) {
        const std::string whole = golden(name);
        for (std::size_t at = 0; at < whole.size(); at += 3) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
            try {
                const Image image = decode(changed);
                EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(image.height * image.width * 3));
            } catch (const StorageError&) {
                ++refused;
            }
        }
    }
    EXPECT_GT(refused, 100);
}

TEST(DecodeImage, ChecksSizesBeforeItAllocates) {
    expect_refused([] { decode(ppm("P6 100000 100000 255\n", 10)); }, {"100000 x 100000", "too large"});
    expect_refused([] { decode(ppm("P6 10000 10000 255\n", 10)); }, {"300000000 bytes", "10 follow"});
    expect_refused([] { decode(ppm("P3 10000 10000 255\n", 10)); }, {"599999999 bytes", "11 follow"});
    expect_refused([] { decode(ppm("P6 0 3 255\n", 10)); }, {"0 x 3", "no pixels"});
    // The header of a PNG made 10,000 pixels wide and high, its checksum right.
    std::string png = golden("rgb.png");
    const std::string size("\0\0\x27\x10\0\0\x27\x10", 8);
    png.replace(16, 8, size);
    png.replace(29, 4, "\xb2\x45\xdd\x74");
    expect_refused([&] { decode(png); }, {"PNG"});
    // A JPEG's frame header (FFC0, length, precision, height, width) of 60,000 x 2,000.
    std::string jpeg = golden("420.jpg");
    const auto frame = jpeg.find(std::string("\xff\xc0", 2));
    ASSERT_NE(frame, std::string::npos);
    jpeg.replace(frame + 5, 4, "\xea\x60\x07\xd0");
    expect_refused([&] { decode(jpeg); }, {"2000 x 60000", "was it cut"});
    jpeg.replace(frame + 5, 4, "\xea\x60\xea\x60");
    expect_refused([&] { decode(jpeg); }, {"60000 x 60000", "too large"});
}

TEST(DecodeImage, RefusesBadNetpbmHeaders) {
    expect_refused([] { decode("P6"); }, {"ends where its width"});
    expect_refused([] { decode("P6 x"); }, {"width is not a number"});
    expect_refused([] { decode("P6 3 12345678901 255\n"); }, {"height has ten digits"});
    expect_refused([] { decode("P6 1 1 0\nxxx"); }, {"largest value is 0"});
    expect_refused([] { decode("P6 1 1 65536\nxxxxxx"); }, {"largest value is 65536"});
    expect_refused([] { decode("P6 1 1 255"); }, {"white space"});
    expect_refused([] { decode("P6 1 1 # only a comment"); }, {"ends where its largest value"});
    expect_refused([] { decode("P3 1 1 7 1 2 8"); }, {"a value", "is 8", "7"});
    expect_refused([] { decode("P3 1 1 7 1 -2 3"); }, {"values is not a number"});
}

/// tests/golden/make_bad_images.py made them, and wrote what each refusal must say.
TEST(DecodeImage, RefusesEveryFileOfTheBadOnesWithItsReason) {
    const auto folder = std::filesystem::path(VTVC_TEST_SOURCE_DIR) / "../../golden";
    const auto cases = nlohmann::json::parse(read_text(folder / "bad_images.json"));
    ASSERT_GE(cases.size(), 70U);
    for (const auto& [name, parts] : cases.items()) {
        SCOPED_TRACE(name);
        const std::string file = read_text(folder / "bad_images" / name);
        expect_refused([&] { decode(file); }, parts.get<std::vector<std::string>>());
    }
}

/// As many scans as a hostile file wants cost no more than a refusal.
TEST(DecodeImage, RefusesEndlessScans) {
    std::string jpeg = golden("grey_progressive.jpg");
    const auto scan = jpeg.find(std::string("\xff\xda", 2));
    const auto next = jpeg.find(std::string("\xff\xc4", 2), scan);
    ASSERT_LT(scan, next);
    ASSERT_NE(next, std::string::npos);
    const std::string first_scan = jpeg.substr(scan, next - scan);
    std::string many = jpeg.substr(0, next);
    for (int i = 0; i < 300; ++i) many += first_scan;
    expect_refused([&] { decode(many + "\xff\xd9"); }, {"JPEG is damaged", "more than 200 scans"});
}

TEST(ResizeImage, AWindowIsCutFromTheWhole) {
    const Image image = decode(golden("rgb.png"));
    for (const auto filter : {Filter::bicubic, Filter::bilinear}) {
        const Image whole = resize(image, 31, 53, filter);
        const Image part =
            resize_window(image, 31, 53, {.top = 7, .left = 20, .height = 9, .width = 30}, filter);
        for (std::size_t y = 0; y < 9; ++y)
            for (std::size_t x = 0; x < 90; ++x)
                ASSERT_EQ(part.pixels[y * 90 + x], whole.pixels[(7 + y) * 159 + 60 + x]) << y << " " << x;
    }
}

TEST(ResizeImage, RefusesWhatItCannotDo) {
    const Image image{.height = 2, .width = 2, .channels = 1, .pixels = {1, 2, 3, 4}};
    EXPECT_THROW(resize(image, 0, 2, Filter::bicubic), ConfigError);
    EXPECT_THROW(resize_window(image, 4, 4, {.top = 3, .left = 0, .height = 2, .width = 2}, Filter::bicubic),
                 ConfigError);
    EXPECT_THROW(preprocess(image, {.resize = 8, .crop = 9}), ConfigError);
    EXPECT_THROW(preprocess(image, {.resize = 9000, .crop = 9}), ConfigError);
    EXPECT_THROW(preprocess(image, {.resize = 8, .crop = 0}), ConfigError);
    const Image thin{
        .height = 1, .width = 9000000, .channels = 1, .pixels = std::vector<std::uint8_t>(9000000)};
    expect_refused([&] { preprocess(thin, {}); }, {"too thin", "2016000000"});
}

}  // namespace
}  // namespace vtvc
