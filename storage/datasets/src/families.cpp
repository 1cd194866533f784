#include "families.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "vtvc/core/hash.hpp"

namespace vtvc {
namespace {

std::string word_at(std::string_view text, std::size_t start) {
    std::string word(text.substr(start, text.find(' ', start) - start));
    for (char& letter : word) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return word;
}

/// Ink in runs of 28 bytes. Σ|A − B| over runs never exceeds Σ|a − b| over bytes, so most pairs of faces are
/// told apart by a 28th of the work.
std::vector<std::uint32_t> run_sums(std::span<const std::uint8_t> image) {
    constexpr std::size_t run = 28;
    std::vector<std::uint32_t> sums((image.size() + run - 1) / run);
    for (std::size_t i = 0; i < image.size(); ++i) sums[i / run] += image[i];
    return sums;
}

/// Σ|a − b| / Σ(a + b)
template <class T>
double apart_over_ink(std::span<const T> a, std::span<const T> b) {
    std::uint64_t apart = 0, ink = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        apart += static_cast<std::uint32_t>(a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]);
        ink += static_cast<std::uint32_t>(a[i] + b[i]);
    }
    return ink == 0 ? 0 : static_cast<double>(apart) / static_cast<double>(ink);
}

}  // namespace

std::string family_word(std::string_view family) {
    const std::string first = word_at(family, 0);
    const bool foundry = (first == "gfs" || first == "urw") && family.size() > 4;
    return foundry ? word_at(family, 4) : first;
}

double difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return apart_over_ink(a, b);
}

std::vector<std::string> group_families(std::span<const FaceDrawing> faces, double alike) {
    std::vector<std::string> words;
    std::vector<std::vector<std::uint32_t>> sums;
    for (const FaceDrawing& face : faces) {
        words.push_back(family_word(face.family));
        sums.push_back(run_sums(face.image));
    }
    const auto are_alike = [&](std::size_t a, std::size_t b) {
        return apart_over_ink<std::uint32_t>(sums[a], sums[b]) < alike &&
               difference(faces[a].image, faces[b].image) < alike;
    };
    std::vector<std::size_t> parent(faces.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto root = [&](std::size_t i) {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    };
    for (std::size_t a = 0; a < faces.size(); ++a)
        for (std::size_t b = a + 1; b < faces.size(); ++b) {
            std::size_t first = root(a), second = root(b);
            if (first == second) continue;
            if (words[a] != words[b] && !are_alike(a, b)) continue;
            if (words[second] < words[first]) std::swap(first, second);
            parent[second] = first;  // the root has the least word of its group
        }
    std::vector<std::string> groups;
    for (std::size_t i = 0; i < faces.size(); ++i) groups.push_back(words[root(i)]);
    return groups;
}

Split split_of_group(std::string_view group) {
    // The prefix was picked among 400 so that rows come near 60/10/30 % in all four alphabets with the fonts
    // of cmake/packages.txt: a few large families would tip most others. No model was looked at.
    const std::string digits = hash_text("split 254 " + std::string(group)).substr(0, 8);
    const double place = static_cast<double>(std::stoul(digits, nullptr, 16)) / 4294967296.0;
    if (place < .3) return Split::test;
    return place < .4 ? Split::validation : Split::train;
}

}  // namespace vtvc
