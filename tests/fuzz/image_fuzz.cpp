// Pictures of every kind, decoded and preprocessed. A bound on the pixels keeps single inputs fast.
#include <cstdlib>

#include "fuzz.hpp"
#include "vtvc/images/decode.hpp"
#include "vtvc/images/resize.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        const auto colour = size % 2 == 0 ? vtvc::Colour::rgb : vtvc::Colour::grey;
        const vtvc::Image image = vtvc::decode_image(vtvc::fuzz::as_bytes(data, size), colour);
        const auto bytes = static_cast<std::size_t>(image.height * image.width * image.channels);
        if (image.channels != vtvc::channels_of(colour) || image.pixels.size() != bytes) std::abort();
        const auto filter = size % 3 == 0 ? vtvc::Filter::bilinear : vtvc::Filter::bicubic;
        const vtvc::Image small = vtvc::preprocess(image, {.resize = 24, .crop = 16, .filter = filter});
        if (small.height != 16 || small.width != 16) std::abort();
    });
}
