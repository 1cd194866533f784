#include "vtvc/core/spelling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace vtvc {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the dynamic programme: swaps look two rows back.
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::swap(before, above);
        std::swap(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
    std::string best;
    std::size_t least = 2 + word.size() / 4;  // one slip in a short word, one more for each four letters
    for (const std::string& name : known) {
        const std::size_t distance = edit_distance(word, name);
        if (distance < least && distance < std::max(word.size(), name.size())) {
            least = distance;
            best = name;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
    const std::string name = nearest(word, known);
    return name.empty() ? "" : fmt::format("; did you mean '{}'?", name);
}

}  // namespace vtvc
