#include "noise.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace vtvc {

namespace {
// A double just below 1 rounds to the float 1, whose logit is infinite.
constexpr double below_one = 1 - 0x1p-24;

template <class Scalar, class Value>
void fill_rows(at::Tensor& noise, const NoiseKey& key, Purpose purpose, const std::vector<std::int64_t>& ids,
               Value value) {
    const std::int64_t columns = noise.size(1);
    Scalar* const data = noise.data_ptr<Scalar>();
    at::parallel_for(0, noise.size(0), 16, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
            Stream stream = key.stream(purpose, ids[static_cast<std::size_t>(row)]);
            Scalar* const out = data + row * columns;
            std::generate(out, out + columns, [&] { return static_cast<Scalar>(value(stream)); });
        }
    });
}

template <class Value>
at::Tensor noise(const NoiseKey& key, Purpose purpose, const std::vector<std::int64_t>& ids,
                 std::int64_t columns, const at::Tensor& like, Value value) {
    const bool wide = like.scalar_type() == at::kDouble;
    at::Tensor rows =
        at::empty({static_cast<std::int64_t>(ids.size()), columns}, wide ? at::kDouble : at::kFloat);
    if (wide) {
        fill_rows<double>(rows, key, purpose, ids, value);
    } else {
        fill_rows<float>(rows, key, purpose, ids, value);
    }
    return rows.to(like.options());
}
}  // namespace

Stream NoiseKey::stream(Purpose purpose, std::int64_t id) const {
    const auto step = (static_cast<std::uint64_t>(draws) << 32) + static_cast<std::uint64_t>(number);
    return Stream(seed, purpose, static_cast<std::uint64_t>(id), step);
}

at::Tensor normal_noise(const NoiseKey& key, const std::vector<std::int64_t>& ids, std::int64_t columns,
                        const at::Tensor& like) {
    return noise(key, Purpose::slab_noise, ids, columns, like,
                 [](Stream& stream) { return stream.normal(); });
}

at::Tensor uniform_noise(const NoiseKey& key, const std::vector<std::int64_t>& ids, std::int64_t columns,
                         const at::Tensor& like) {
    return noise(key, Purpose::spike_noise, ids, columns, like,
                 [](Stream& stream) { return std::min(stream.uniform(), below_one); });
}

}  // namespace vtvc
