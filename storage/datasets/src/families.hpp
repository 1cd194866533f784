#pragma once
// Which font families count as one. A test family must not have a twin in the training split: clones of a
// design are sold under other names (Arimo is Liberation Sans), so names alone do not tell.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

/// The first word of a family's name in small letters; foundries that put their own name first (GFS, URW)
/// keep the second word instead.
std::string family_word(std::string_view family);

/// Σ|a − b| / Σ(a + b): 0 for the same picture, 1 for no common ink.
double difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// A face as its family and the plain drawings of the whole alphabet, one after the other.
struct FaceDrawing {
    std::string family;
    std::vector<std::uint8_t> image;
};
/// A name a face: the least family_word of its group. Faces share a group when their words are equal or when
/// they draw alike (difference below alike), and so on along the chain.
std::vector<std::string> group_families(std::span<const FaceDrawing> faces, double alike);

/// 30 % of group names go to test, 10 % to validation, by a hash: the same name goes the same way in every
/// alphabet and on every machine.
Split split_of_group(std::string_view group);

}  // namespace vtvc
