#include "vtvc/datasets/subdomains.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vtvc/core/error.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

constexpr double inverted_contrast = .5;
constexpr double noise_levels = 40;
constexpr std::int64_t blur_block = 4;

std::uint8_t grey(double value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0., 255.)));
}

/// new(y, x) = old(source(y, x)), a pair of row and column.
template <class Source>
void move_pixels(std::span<std::uint8_t> image, const ImageShape& shape, const Source& source) {
    const std::vector<std::uint8_t> old(image.begin(), image.end());
    std::size_t at = 0;
    for (std::int64_t y = 0; y < shape.height; ++y)
        for (std::int64_t x = 0; x < shape.width; ++x) {
            const auto [from_y, from_x] = source(y, x);
            for (std::int64_t c = 0; c < shape.channels; ++c)
                image[at++] =
                    old[static_cast<std::size_t>((from_y * shape.width + from_x) * shape.channels + c)];
        }
}

/// One channel's means of 4 × 4 blocks (smaller at the far edges).
std::vector<double> block_means(std::span<const std::uint8_t> image, const ImageShape& shape,
                                std::int64_t channel) {
    std::vector<double> means;
    for (std::int64_t top = 0; top < shape.height; top += blur_block)
        for (std::int64_t left = 0; left < shape.width; left += blur_block) {
            const std::int64_t bottom = std::min(top + blur_block, shape.height);
            const std::int64_t right = std::min(left + blur_block, shape.width);
            double sum = 0;
            for (std::int64_t y = top; y < bottom; ++y)
                for (std::int64_t x = left; x < right; ++x)
                    sum += image[static_cast<std::size_t>((y * shape.width + x) * shape.channels + channel)];
            means.push_back(sum / static_cast<double>((bottom - top) * (right - left)));
        }
    return means;
}

/// Where a pixel lies between the centres of two neighbouring blocks; the first and last centres hold to the
/// edge.
struct Between {
    std::int64_t first = 0, second = 0;
    double weight = 0;  // of the second
    Between(std::int64_t pixel, std::int64_t blocks) {
        const double place = (static_cast<double>(pixel) + .5) / static_cast<double>(blur_block) - .5;
        const double inside = std::clamp(place, 0., static_cast<double>(blocks - 1));
        first = static_cast<std::int64_t>(inside);
        second = std::min(first + 1, blocks - 1);
        weight = inside - static_cast<double>(first);
    }
};

void blur(std::span<std::uint8_t> image, const ImageShape& shape) {
    const std::int64_t rows = (shape.height + blur_block - 1) / blur_block;
    const std::int64_t columns = (shape.width + blur_block - 1) / blur_block;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
        const std::vector<double> means = block_means(image, shape, c);
        const auto mean = [&](std::int64_t y, std::int64_t x) {
            return means[static_cast<std::size_t>(y * columns + x)];
        };
        for (std::int64_t y = 0; y < shape.height; ++y)
            for (std::int64_t x = 0; x < shape.width; ++x) {
                const Between down(y, rows), across(x, columns);
                const double upper =
                    std::lerp(mean(down.first, across.first), mean(down.first, across.second), across.weight);
                const double lower = std::lerp(mean(down.second, across.first),
                                               mean(down.second, across.second), across.weight);
                image[static_cast<std::size_t>((y * shape.width + x) * shape.channels + c)] =
                    grey(std::lerp(upper, lower, down.weight));
            }
    }
}

/// Changes a split's images and records each row's sub-domain (index into mix.subdomains).
void mix_rows(SplitData& rows, const SubdomainMix& mix, const ImageShape& shape) {
    rows.subdomains.assign(rows.ids.size(), 0);
    for (std::size_t row = 0; row < rows.ids.size(); ++row) {
        const auto id = static_cast<std::uint64_t>(rows.ids[row]);
        const std::uint64_t drawn = Stream(mix.seed, Purpose::subdomain, id).below(mix.subdomains.size());
        rows.subdomains[row] = static_cast<std::int32_t>(drawn);
        const auto bytes = static_cast<std::size_t>(shape.bytes());
        Stream noise(mix.seed, Purpose::subdomain, id, 1);
        transform(mix.subdomains[drawn], std::span(rows.images).subspan(row * bytes, bytes), shape, noise);
    }
}

void check_mix(const SubdomainMix& mix) {
    if (mix.subdomains.empty()) fail<ConfigError>("no sub-domain was named; name one at least");
    for (std::size_t i = 0; i < mix.subdomains.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (mix.subdomains[i] == mix.subdomains[j])
                fail<ConfigError>("sub-domain '{}' is named twice",
                                  EnumNames<Subdomain>::names[static_cast<std::size_t>(mix.subdomains[i])]);
}

}  // namespace

Subdomain subdomain_from(std::string_view name) {
    const auto& names = EnumNames<Subdomain>::names;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        fail<ConfigError>("unknown sub-domain '{}'; there are {}", name, fmt::join(names, ", "));
    return static_cast<Subdomain>(found - names.begin());
}

void transform(Subdomain how, std::span<std::uint8_t> image, const ImageShape& shape, Stream& noise) {
    const std::int64_t bottom = shape.height - 1, right = shape.width - 1;
    using Place = std::pair<std::int64_t, std::int64_t>;
    switch (how) {
        case Subdomain::clean:
            return;
        case Subdomain::rotated90:
            if (shape.height != shape.width)
                fail<ConfigError>("rotated90 of {}x{} images (a quarter turn needs square ones)",
                                  shape.height, shape.width);
            return move_pixels(image, shape, [&](auto y, auto x) { return Place(x, right - y); });
        case Subdomain::rotated180:
            return move_pixels(image, shape, [&](auto y, auto x) { return Place(bottom - y, right - x); });
        case Subdomain::mirrored:
            return move_pixels(image, shape, [&](auto y, auto x) { return Place(y, right - x); });
        case Subdomain::inverted:
            for (std::uint8_t& pixel : image)
                pixel = grey(127.5 + inverted_contrast * (127.5 - pixel) + noise_levels * noise.normal());
            return;
        case Subdomain::blurred:
            return blur(image, shape);
    }
}

DatasetContents write_subdomains(const SubdomainMix& mix, const std::filesystem::path& out) {
    check_mix(mix);
    const Dataset source = Dataset::open(mix.in);
    const ImageShape shape{.height = source.height(), .width = source.width(), .channels = source.channels()};
    DatasetContents contents;
    contents.name = mix.name.empty() ? source.name() : mix.name;
    contents.height = shape.height;
    contents.width = shape.width;
    contents.channels = shape.channels;
    contents.class_names = source.class_names();
    contents.group_names = source.group_names();
    for (const Subdomain subdomain : mix.subdomains)
        contents.subdomain_names.emplace_back(
            EnumNames<Subdomain>::names[static_cast<std::size_t>(subdomain)]);
    contents.origin =
        fmt::format("sub-domains {} of data set '{}' ({}), seed {}",
                    fmt::join(contents.subdomain_names, ", "), source.name(), source.hash(), mix.seed);
    contents.train = source.read(Split::train);
    contents.validation = source.read(Split::validation);
    contents.test = source.read(Split::test);
    for (SplitData* rows : {&contents.train, &contents.validation, &contents.test})
        mix_rows(*rows, mix, shape);

    contents.test.labels = read_test_labels(mix.in);
    write_dataset(out, contents);
    contents.test.labels.clear();
    return contents;
}

}  // namespace vtvc
