#pragma once
// Data sets drawn from the machine's installed fonts: 28 × 28 grey, light on dark, each glyph fitted to about
// 20 pixels, centred and bent by a small random affine map of its outline.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "vtvc/core/schema.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc {

/// foundation: letters of the scripts in Noto's core fonts, none of them Latin, Greek, Cyrillic or a digit;
/// what a base network learns from. The others: one alphabet each, from every family that covers it.
enum class GlyphSet { foundation, latin, greek, cyrillic, digits };
template <>
struct EnumNames<GlyphSet> {
    static constexpr std::array<std::string_view, 5> names{"foundation", "latin", "greek", "cyrillic",
                                                           "digits"};
};

struct GlyphOptions {
    GlyphSet set = GlyphSet::foundation;
    std::string name = {};        ///< of the data set; empty: the set's
    std::int64_t classes = 256;   ///< foundation: random letters out of all
    std::int64_t per_class = 40;  ///< foundation: renderings of a letter
    std::int64_t per_face = 0;    ///< alphabets: renderings of a letter in a face; 0: 4 of digits, else 2
    std::int64_t faces_per_family = 6;  ///< alphabets: at most so many, that large families do not dominate
    std::int64_t limit = 0;             ///< at most so many rows of a class in a split; 0: all
    std::uint64_t seed = 0;
};

/// A pure function of the options and the installed fonts. Foundation: every letter is in each split (5 %
/// validation, 5 % test by rendering), groups −1. Alphabets: whole families to test (30 %) or validation (10
/// %) by a hash of their name; families that draw alike count as one (groups). Rows are stored shuffled.
/// Throws StorageError when too few fonts are installed, ConfigError for impossible options.
DatasetContents render_glyphs(const GlyphOptions& options);

/// How many faces render_glyphs would have to choose from, before it drops unfit and repeated ones.
std::int64_t count_faces(GlyphSet set);

}  // namespace vtvc
