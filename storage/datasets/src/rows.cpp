#include "rows.hpp"

#include <numeric>
#include <utility>
#include <vector>

#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

std::span<const std::uint8_t> image_of(const SplitData& split, std::size_t row, std::int64_t image_bytes) {
    const auto bytes = static_cast<std::size_t>(image_bytes);
    return std::span(split.images).subspan(row * bytes, bytes);
}

SplitData take(const SplitData& from, const std::vector<std::size_t>& rows, std::int64_t image_bytes) {
    SplitData taken;
    taken.images.reserve(rows.size() * static_cast<std::size_t>(image_bytes));
    for (const std::size_t row : rows)
        append_row(taken, {.image = image_of(from, row, image_bytes),
                           .label = from.labels[row],
                           .id = from.ids[row],
                           .group = from.groups[row]});
    return taken;
}

}  // namespace

void append_row(SplitData& split, const Row& row) {
    split.images.insert(split.images.end(), row.image.begin(), row.image.end());
    split.labels.push_back(row.label);
    split.ids.push_back(row.id);
    split.groups.push_back(row.group);
    split.subdomains.push_back(-1);
}

void shuffle_order(std::vector<std::size_t>& order, std::uint64_t seed, Split which) {
    Stream random(seed, Purpose::order, static_cast<std::uint64_t>(which));
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

void shuffle_rows(SplitData& split, std::int64_t image_bytes, std::uint64_t seed, Split which) {
    std::vector<std::size_t> order(split.ids.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle_order(order, seed, which);
    split = take(split, order, image_bytes);
}

void limit_rows(SplitData& split, std::int64_t image_bytes, std::int64_t classes, std::int64_t limit) {
    std::vector<std::int64_t> seen(static_cast<std::size_t>(classes));
    std::vector<std::size_t> kept;
    for (std::size_t row = 0; row < split.labels.size(); ++row)
        if (seen[static_cast<std::size_t>(split.labels[row])]++ < limit) kept.push_back(row);
    split = take(split, kept, image_bytes);
}

}  // namespace vtvc
