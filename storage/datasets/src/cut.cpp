#include "cut.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {

void check_share(double share, const char* what) {
    if (!(share > 0 && share < 1))
        fail<ConfigError>("{} {} (it lies between 0 and 1, both excluded); .1 is usual", what, share);
}

std::vector<bool> cut_by_class(std::span<const std::int32_t> labels,
                               const std::vector<std::string>& class_names, const Cut& cut,
                               const std::string& place) {
    std::vector<std::vector<std::size_t>> by_class(class_names.size());
    for (std::size_t row = 0; row < labels.size(); ++row)
        by_class.at(static_cast<std::size_t>(labels[row])).push_back(row);
    std::vector<bool> chosen(labels.size());
    for (std::size_t label = 0; label < class_names.size(); ++label) {
        std::vector<std::size_t>& rows = by_class[label];
        if (rows.size() < 2)
            fail<StorageError>(
                "class '{}' has {} training rows in {} (one must train, one validate); leave the class out "
                "or "
                "add rows",
                class_names[label], rows.size(), place);
        const auto wanted =
            static_cast<std::size_t>(std::lround(cut.share * static_cast<double>(rows.size())));
        Stream random(cut.seed, Purpose::split, label, cut.which);
        for (std::size_t i = 0; i < std::clamp<std::size_t>(wanted, 1, rows.size() - 1); ++i) {
            std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
            chosen[rows[i]] = true;
        }
    }
    return chosen;
}

std::vector<bool> cut_by_group(std::span<const std::int32_t> groups, const Cut& cut,
                               const std::string& place) {
    std::map<std::int32_t, std::size_t> sizes;
    for (const auto group : groups) ++sizes[group];
    if (sizes.size() < 2)
        fail<StorageError>("{} has {} group (one must train, one be cut off); cut by class instead", place,
                           sizes.size());
    std::vector<std::int32_t> order;
    for (const auto& [group, size] : sizes) order.push_back(group);
    Stream random(cut.seed, Purpose::split, groups.size(), cut.which);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    const double wanted = cut.share * static_cast<double>(groups.size());
    std::set<std::int32_t> taken;
    for (std::size_t i = 0, rows = 0; i + 1 < order.size() && (i == 0 || static_cast<double>(rows) < wanted);
         ++i) {
        taken.insert(order[i]);
        rows += sizes.at(order[i]);
    }
    std::vector<bool> chosen(groups.size());
    for (std::size_t row = 0; row < groups.size(); ++row) chosen[row] = taken.contains(groups[row]);
    return chosen;
}

}  // namespace vtvc
