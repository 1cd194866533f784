#pragma once
// "did you mean": the nearest of some known names.
#include <span>
#include <string>
#include <string_view>

namespace vtvc {

/// Insertions, deletions, replacements and swaps of neighbours that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The known name nearest to word; empty when none is near enough to be a slip of the hand.
std::string nearest(std::string_view word, std::span<const std::string> known);
/// "; did you mean 'x'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace vtvc
