#pragma once
// Sub-domains of a data set: the same images seen in another way, labels unchanged. The labels of the test
// split go from file to file in here and are shown to nobody.
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/random.hpp"
#include "vtvc/core/schema.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc {

enum class Subdomain {
    clean,
    rotated90,  ///< a quarter turn to the left
    rotated180,
    inverted,  ///< dark on light at half contrast, Gaussian noise of 40 grey levels
    blurred,   ///< means of 4 × 4 pixels, interpolated back
    mirrored,  ///< left to right
};
template <>
struct EnumNames<Subdomain> {
    static constexpr std::array<std::string_view, 6> names{"clean",    "rotated90", "rotated180",
                                                           "inverted", "blurred",   "mirrored"};
};
/// ConfigError lists the names there are.
Subdomain subdomain_from(std::string_view name);

struct ImageShape {
    std::int64_t height = 0, width = 0, channels = 1;
    std::int64_t bytes() const { return height * width * channels; }
};
/// image: height × width × channels, changed in place. ConfigError for rotated90 of an image that is not
/// square.
void transform(Subdomain how, std::span<std::uint8_t> image, const ImageShape& shape, Stream& noise);

struct SubdomainMix {
    std::filesystem::path in;
    std::vector<Subdomain> subdomains;  ///< distinct; each row draws one by its id
    std::string name = {};              ///< empty: the source's
    std::uint64_t seed = 0;
};
/// Reads the source and writes the mixture; returns what was written, the test labels removed.
DatasetContents write_subdomains(const SubdomainMix& mix, const std::filesystem::path& out);

}  // namespace vtvc
