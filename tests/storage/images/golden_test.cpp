// Against Pillow and torchvision: tests/golden/make_images.py made the pictures and the checksums.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/core/files.hpp"
#include "vtvc/images/decode.hpp"
#include "vtvc/images/resize.hpp"

namespace vtvc {
namespace {

using nlohmann::json;

const std::filesystem::path& golden_folder() {
    static const std::filesystem::path folder = std::filesystem::path(VTVC_TEST_SOURCE_DIR) / "../../golden";
    return folder;
}

const json& golden() {
    static const json document = json::parse(read_text(golden_folder() / "images.json"));
    return document;
}

std::uint32_t crc(const Image& image) {
    return static_cast<std::uint32_t>(crc32_z(0, image.pixels.data(), image.pixels.size()));
}

/// The same bytes as noise() of the script.
Image noise(const json& shape) {
    Image image{.height = shape[0], .width = shape[1], .channels = shape[2]};
    std::uint32_t state = 1;
    for (std::int64_t i = 0; i < image.height * image.width * image.channels; ++i) {
        state = 1664525U * state + 1013904223U;
        image.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
    }
    return image;
}

Filter filter_of(const json& name) { return name == "bicubic" ? Filter::bicubic : Filter::bilinear; }

TEST(ImagesGolden, EveryKindOfFileDecodesToPillowsBytes) {
    ASSERT_GE(golden()["decoded"].size(), 40U);
    for (const json& entry : golden()["decoded"]) {
        const std::string file = read_text(golden_folder() / "images" / entry["file"].get<std::string>());
        for (const auto colour : {Colour::rgb, Colour::grey}) {
            const std::string name = colour == Colour::rgb ? "rgb" : "grey";
            SCOPED_TRACE(entry["file"].get<std::string>() + " as " + name);
            const Image image = decode_image(std::as_bytes(std::span(file)), colour);
            EXPECT_EQ(image.height, entry["height"]);
            EXPECT_EQ(image.width, entry["width"]);
            EXPECT_EQ(image.channels, channels_of(colour));
            EXPECT_EQ(crc(image), entry[name]);
        }
    }
}

TEST(ImagesGolden, ResizingGivesPillowsBytes) {
    ASSERT_GE(golden()["resized"].size(), 80U);
    for (const json& entry : golden()["resized"]) {
        const Image image =
            resize(noise(entry["from"]), entry["to"][0], entry["to"][1], filter_of(entry["filter"]));
        EXPECT_EQ(image.height, entry["to"][0]);
        EXPECT_EQ(image.width, entry["to"][1]);
        EXPECT_EQ(crc(image), entry["crc"]) << entry;
    }
}

TEST(ImagesGolden, PreprocessingGivesTorchvisionsBytes) {
    ASSERT_GE(golden()["processed"].size(), 160U);
    for (const json& entry : golden()["processed"]) {
        const Image image = preprocess(
            noise(entry["from"]),
            {.resize = entry["resize"], .crop = entry["crop"], .filter = filter_of(entry["filter"])});
        EXPECT_EQ(image.height, entry["crop"]);
        EXPECT_EQ(image.width, entry["crop"]);
        EXPECT_EQ(crc(image), entry["crc"]) << entry;
    }
}

TEST(ImagesGolden, OneOtherByteIsNoticed) {
    Image image = noise(golden()["resized"][0]["from"]);
    image.pixels[5] ^= 0x10;
    const json& entry = golden()["resized"][0];
    EXPECT_NE(crc(resize(image, entry["to"][0], entry["to"][1], filter_of(entry["filter"]))), entry["crc"]);
}

}  // namespace
}  // namespace vtvc
