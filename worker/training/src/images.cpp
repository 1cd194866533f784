#include "vtvc/training/images.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {
/// [C, 1, 1]; one value stands for all channels.
at::Tensor per_channel(const std::vector<double>& values, std::int64_t channels) {
    const at::Tensor given = torch::tensor(values, at::kFloat).view({-1, 1, 1});
    return given.expand({channels, 1, 1});
}
}  // namespace

ImageSet::ImageSet(const Dataset& dataset, SplitData rows, const ModelKeys& model)
    : ImageSet(dataset.path(), dataset.height(), dataset.width(), dataset.channels(), std::move(rows),
               model) {}

ImageSet::ImageSet(const std::string& where, std::int64_t height, std::int64_t width, std::int64_t channels,
                   SplitData rows, const ModelKeys& model)
    : rows_(std::move(rows)),
      height_(height),
      width_(width),
      channels_(channels),
      mean_(model.pixel_mean),
      sd_(model.pixel_sd) {
    if (height_ != model.image || width_ != model.image || channels_ != model.channels) {
        fail<StorageError>("{}: images are {}×{}×{}, the model takes {}×{}×{}; import the data at that size",
                           where, height_, width_, channels_, model.image, model.image, model.channels);
    }
}

at::Tensor ImageSet::normalised(const at::Tensor& pixels) const {
    const std::int64_t batch = pixels.size(0);
    return pixels.view({batch, height_, width_, channels_})
        .permute({0, 3, 1, 2})
        .contiguous()
        .div_(255.0)
        .sub_(per_channel(mean_, channels_))
        .div_(per_channel(sd_, channels_));
}

at::Tensor ImageSet::images(std::span<const std::int64_t> rows) const {
    const std::int64_t size = height_ * width_ * channels_;
    at::Tensor pixels = torch::empty({static_cast<std::int64_t>(rows.size()), size}, at::kFloat);
    float* out = pixels.data_ptr<float>();
    for (const std::int64_t row : rows) {
        const std::uint8_t* in = rows_.images.data() + row * size;
        out = std::copy(in, in + size, out);
    }
    return normalised(pixels);
}

at::Tensor ImageSet::augmented(std::span<const std::int64_t> rows, const AugmentKeys& how, std::uint64_t seed,
                               std::int64_t step) const {
    if (how.shift == 0 && how.invert == 0 && how.contrast >= 1 && how.noise == 0) return images(rows);
    const std::int64_t size = height_ * width_ * channels_;
    at::Tensor pixels = torch::zeros({static_cast<std::int64_t>(rows.size()), size}, at::kFloat);
    float* out = pixels.data_ptr<float>();
    for (const std::int64_t row : rows) {
        Stream random(seed, Purpose::augment, static_cast<std::uint64_t>(id(row)),
                      static_cast<std::uint64_t>(step));
        const auto reach = static_cast<std::int64_t>(how.shift);
        const auto width = static_cast<std::uint64_t>(2 * reach + 1);
        const std::int64_t dy = static_cast<std::int64_t>(random.below(width)) - reach;
        const std::int64_t dx = static_cast<std::int64_t>(random.below(width)) - reach;
        const bool invert = random.uniform() < how.invert;
        const double contrast = random.uniform(std::min(how.contrast, 1.0), 1.0);
        const std::uint8_t* in = rows_.images.data() + row * size;
        for (std::int64_t y = 0; y < height_; ++y) {
            const std::int64_t from_y = std::clamp(y - dy, std::int64_t{0}, height_ - 1);
            for (std::int64_t x = 0; x < width_; ++x) {
                const std::int64_t from_x = std::clamp(x - dx, std::int64_t{0}, width_ - 1);
                for (std::int64_t c = 0; c < channels_; ++c) {
                    double value = in[(from_y * width_ + from_x) * channels_ + c];
                    if (invert) value = 255 - value;
                    value = 127.5 + contrast * (value - 127.5);
                    if (how.noise > 0) value += how.noise * random.normal();
                    out[(y * width_ + x) * channels_ + c] = static_cast<float>(std::clamp(value, 0.0, 255.0));
                }
            }
        }
        out += size;
    }
    return normalised(pixels);
}

at::Tensor ImageSet::labels(std::span<const std::int64_t> rows) const {
    at::Tensor result = torch::full({static_cast<std::int64_t>(rows.size())}, -1, at::kLong);
    if (rows_.labels.empty()) return result;
    auto* out = result.data_ptr<std::int64_t>();
    for (const std::int64_t row : rows) *out++ = rows_.labels[static_cast<std::size_t>(row)];
    return result;
}

Order::Order(std::int64_t rows, std::int64_t batch, std::uint64_t seed)
    : rows_(rows), batch_(std::min(batch, rows)), steps_per_epoch_(0), seed_(seed) {
    if (rows < 1)
        fail<StorageError>("no training rows (the window of the data is empty); widen data.first/data.count");
    steps_per_epoch_ = (rows_ + batch_ - 1) / batch_;
}

std::span<const std::int64_t> Order::batch(std::int64_t step) {
    const std::int64_t epoch = step / steps_per_epoch_;
    if (epoch != epoch_) {
        permutation_.resize(static_cast<std::size_t>(rows_));
        std::iota(permutation_.begin(), permutation_.end(), 0);
        Stream random(seed_, Purpose::order, 0, static_cast<std::uint64_t>(epoch));
        for (std::size_t i = permutation_.size(); i > 1; --i)
            std::swap(permutation_[i - 1], permutation_[random.below(i)]);
        epoch_ = epoch;
    }
    const std::int64_t first = (step % steps_per_epoch_) * batch_;
    return std::span<const std::int64_t>(permutation_)
        .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(batch_, rows_ - first)));
}

}  // namespace vtvc
