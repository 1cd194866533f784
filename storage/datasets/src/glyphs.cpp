#include "vtvc/datasets/glyphs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <utility>
#include <vector>

#include "families.hpp"
#include "fonts.hpp"
#include "letters.hpp"
#include "outline.hpp"
#include "rows.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

using GlyphImage = std::array<std::uint8_t, glyph_bytes>;

constexpr std::size_t letters_per_script = 24;
constexpr double held_out = .05;  // foundation: share of a letter's renderings in validation, and in test
constexpr double target_strength = .7;  // of the foundation's random map
// Faces of two families that differ by less are one design under two names: in Latin, Cyrillic and digits the
// known clones (Arimo and Liberation Sans, Lato and Carlito, Nimbus Mono and FreeMono) lie at .055 or below,
// the bold faces of unlike families at .067 or above. Within a family, faces that differ by less than
// repeated are one face.
constexpr double alike = .06;
constexpr double repeated = .01;

// Stars, Greek letters and keyboard keys in the places of Latin letters and digits; fontconfig takes them for
// text.
constexpr std::array<std::string_view, 3> not_text{"D050000L", "Standard Symbols PS",
                                                   "Linux Biolinum Keyboard O"};

std::vector<char32_t> alphabet(GlyphSet set) {
    const auto range = [](char32_t first, char32_t last, char32_t without = 0) {
        std::vector<char32_t> codes;
        for (char32_t code = first; code <= last; ++code)
            if (code != without) codes.push_back(code);
        return codes;
    };
    switch (set) {
        case GlyphSet::latin:
            return range(U'A', U'Z');
        case GlyphSet::greek:
            return range(U'α', U'ω', U'ς');
        case GlyphSet::cyrillic:
            return range(U'А', U'Я');
        case GlyphSet::digits:
            return range(U'0', U'9');
        case GlyphSet::foundation:
            break;
    }
    return {};
}

std::string utf8(char32_t code) {
    const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
    const auto tail = [&](int shift, char32_t value) { return byte(0x80 | ((value >> shift) & 0x3f)); };
    if (code < 0x80) return {byte(code)};
    if (code < 0x800) return {byte(0xc0 | code >> 6), tail(0, code)};
    if (code < 0x10000) return {byte(0xe0 | code >> 12), tail(6, code), tail(0, code)};
    return {byte(0xf0 | code >> 18), tail(12, code), tail(6, code), tail(0, code)};
}

template <class T>
void shuffle(std::vector<T>& values, Stream random) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

/// Rotation by up to 15°, shear .2, scale .85 to 1.2, aspect ±12 %, shift ±2 pixels; all times strength.
Affine random_affine(Stream& random, double strength) {
    const double angle = strength * random.uniform(-15, 15) * std::numbers::pi / 180;
    const double shear = strength * random.uniform(-.2, .2);
    const double scale = 1 + strength * random.uniform(-.15, .2);
    const double aspect = 1 + strength * random.uniform(-.12, .12);
    const double sx = scale * std::sqrt(aspect), sy = scale / std::sqrt(aspect);
    const double c = std::cos(angle), s = std::sin(angle);
    Affine bend{.xx = c * sx, .xy = (c * shear - s) * sy, .yx = s * sx, .yy = (s * shear + c) * sy};
    bend.dx = strength * random.uniform(-2, 2);
    bend.dy = strength * random.uniform(-2, 2);
    return bend;
}

SplitData& part(DatasetContents& contents, Split split) {
    if (split == Split::train) return contents.train;
    return split == Split::validation ? contents.validation : contents.test;
}

/// Draws rows with consecutive ids.
class Drawing {
  public:
    Drawing(const GlyphOptions& options, double strength) : options_(options), strength_(strength) {
        contents_.name =
            options.name.empty() ? std::string(EnumNames<GlyphSet>::names[index()]) : options.name;
        contents_.height = contents_.width = glyph_side;
    }
    DatasetContents& contents() { return contents_; }
    Stream next_row() { return Stream(options_.seed, Purpose::render, next_id_, index()); }

    void draw(const Typeface& face, char32_t code, std::int32_t label, std::int32_t group, Split split,
              Stream random) {
        GlyphImage image;
        face.draw(code, random_affine(random, strength_), image);
        append_row(
            part(contents_, split),
            {.image = image, .label = label, .id = static_cast<std::int64_t>(next_id_++), .group = group});
    }

    DatasetContents finish(const std::set<std::string>& files) {
        const auto classes = static_cast<std::int64_t>(contents_.class_names.size());
        for (const Split split : {Split::train, Split::validation, Split::test}) {
            shuffle_rows(part(contents_, split), glyph_bytes, options_.seed, split);
            if (options_.limit > 0) limit_rows(part(contents_, split), glyph_bytes, classes, options_.limit);
        }
        contents_.origin = fmt::format("glyphs '{}' with seed {}, rendered from {} font files:",
                                       EnumNames<GlyphSet>::names[index()], options_.seed, files.size());
        for (const std::string& file : files) contents_.origin += ' ' + file;
        return std::move(contents_);
    }

  private:
    std::size_t index() const { return static_cast<std::size_t>(options_.set); }
    const GlyphOptions& options_;
    double strength_;
    DatasetContents contents_;
    std::uint64_t next_id_ = 0;
};

struct OpenFace {
    FontFace font;
    Typeface type;
};

/// A letter and the script whose faces have it.
struct Letter {
    char32_t code;
    const std::vector<OpenFace>* faces;
};

std::map<std::string, std::vector<OpenFace>> open_scripts() {
    std::map<std::string, std::vector<OpenFace>> scripts;
    for (FontFace& font : installed_faces({}))
        if (const std::string script = foundation_script(font.file_name()); !script.empty()) {
            Typeface type = Typeface::open(font);
            scripts[script].push_back({std::move(font), std::move(type)});
        }
    return scripts;
}

/// Up to 24 random letters of each script: drawn ones, no two alike, none met in an earlier script.
std::vector<Letter> letter_pool(const std::map<std::string, std::vector<OpenFace>>& scripts,
                                std::uint64_t seed) {
    std::vector<Letter> pool;
    std::set<char32_t> met;
    for (const auto& [script, faces] : scripts) {
        std::vector<char32_t> candidates;
        for (const OpenFace& face : faces)
            for (const char32_t code : face.type.characters())
                if (is_letter(code) && met.insert(code).second) candidates.push_back(code);
        std::sort(candidates.begin(), candidates.end());
        const std::uint64_t key = std::stoull(hash_text(script).substr(0, 10), nullptr, 16);
        shuffle(candidates, Stream(seed, Purpose::subset, key));
        std::set<GlyphImage> seen;
        for (const char32_t code : candidates) {
            GlyphImage image;
            const auto face = std::find_if(faces.begin(), faces.end(),
                                           [&](const OpenFace& open) { return open.type.has(code); });
            if (!face->type.draw(code, {}, image) || !seen.insert(image).second) continue;
            pool.push_back({code, &faces});
            if (seen.size() == letters_per_script) break;
        }
    }
    return pool;
}

DatasetContents render_foundation(const GlyphOptions& options) {
    if (options.classes < 2)
        fail<ConfigError>("{} classes (a classifier needs two at least)", options.classes);
    if (options.per_class < 4)
        fail<ConfigError>("{} renderings a class (one goes to validation, one to test); give 4 or more",
                          options.per_class);
    const auto scripts = open_scripts();
    std::vector<Letter> letters = letter_pool(scripts, options.seed);
    const auto classes = static_cast<std::size_t>(options.classes);
    if (letters.size() < classes)
        fail<StorageError>(
            "the installed Noto fonts have {} letters of {} scripts, {} classes were asked for; "
            "install the package fonts-noto-core or ask for fewer",
            letters.size(), scripts.size(), classes);
    shuffle(letters, Stream(options.seed, Purpose::subset, 0, 1));
    letters.resize(classes);
    std::sort(letters.begin(), letters.end(),
              [](const Letter& a, const Letter& b) { return a.code < b.code; });

    Drawing drawing(options, 1);
    std::set<std::string> files;
    const auto held =
        std::max<std::int64_t>(1, std::lround(held_out * static_cast<double>(options.per_class)));
    for (std::size_t label = 0; label < classes; ++label) {
        const auto& [code, faces] = letters[label];
        drawing.contents().class_names.push_back(utf8(code));
        std::vector<const OpenFace*> usable;
        for (const OpenFace& face : *faces)
            if (face.type.has(code)) usable.push_back(&face);
        for (std::int64_t rendering = 0; rendering < options.per_class; ++rendering) {
            Stream random = drawing.next_row();
            const OpenFace& face = *usable[random.below(usable.size())];
            const Split split = rendering < held       ? Split::test
                                : rendering < 2 * held ? Split::validation
                                                       : Split::train;
            drawing.draw(face.type, code, static_cast<std::int32_t>(label), -1, split, random);
            files.insert(face.font.file_name());
        }
    }
    return drawing.finish(files);
}

std::vector<FontFace> target_faces(GlyphSet set) {
    std::vector<FontFace> faces = installed_faces(alphabet(set));
    // Noto's script and symbol fonts carry the digits and Latin letters of Noto Sans once more.
    std::erase_if(faces, [](const FontFace& face) {
        return is_noto_extra(face.file_name()) ||
               std::find(not_text.begin(), not_text.end(), face.family) != not_text.end();
    });
    return faces;
}

/// The alphabet drawn plainly; empty when a letter is missing, blank, or the picture of another letter.
std::vector<std::uint8_t> draw_alphabet(const Typeface& face, const std::vector<char32_t>& codes) {
    std::vector<std::uint8_t> images;
    std::set<GlyphImage> seen;
    for (const char32_t code : codes) {
        GlyphImage image;
        if (!face.draw(code, {}, image) || !seen.insert(image).second) return {};
        images.insert(images.end(), image.begin(), image.end());
    }
    return images;
}

struct Chosen {
    std::vector<OpenFace> faces;
    std::vector<FaceDrawing> drawings;  // row-aligned with faces
};

/// Fit faces, without repetitions in a family, at most faces_per_family random ones of each.
Chosen choose_faces(const GlyphOptions& options, const std::vector<char32_t>& codes) {
    std::map<std::string, std::vector<std::pair<FontFace, std::vector<std::uint8_t>>>> families;
    for (FontFace& font : target_faces(options.set)) {
        std::vector<std::uint8_t> image = draw_alphabet(Typeface::open(font), codes);
        if (image.empty()) continue;
        auto& family = families[font.family];
        if (std::none_of(family.begin(), family.end(),
                         [&](const auto& other) { return difference(other.second, image) < repeated; }))
            family.emplace_back(std::move(font), std::move(image));
    }
    Chosen chosen;
    for (auto& [name, members] : families) {
        const std::uint64_t key = std::stoull(hash_text(name).substr(0, 10), nullptr, 16);
        shuffle(members, Stream(options.seed, Purpose::subset, key, 2));
        const auto kept = std::min(members.size(), static_cast<std::size_t>(options.faces_per_family));
        for (std::size_t i = 0; i < kept; ++i) {
            Typeface type = Typeface::open(members[i].first);
            chosen.faces.push_back({std::move(members[i].first), std::move(type)});
            chosen.drawings.push_back({name, std::move(members[i].second)});
        }
    }
    return chosen;
}

DatasetContents render_alphabet(const GlyphOptions& options) {
    if (options.faces_per_family < 1)
        fail<ConfigError>("{} faces a family; give 1 or more", options.faces_per_family);
    const std::vector<char32_t> codes = alphabet(options.set);
    const Chosen chosen = choose_faces(options, codes);
    const std::vector<std::string> groups = group_families(chosen.drawings, alike);
    const std::set<std::string> names(groups.begin(), groups.end());

    Drawing drawing(options, target_strength);
    DatasetContents& contents = drawing.contents();
    contents.group_names.assign(names.begin(), names.end());
    for (const char32_t code : codes) contents.class_names.push_back(utf8(code));
    const std::int64_t usual = options.set == GlyphSet::digits ? 4 : 2;
    const std::int64_t per_face = options.per_face > 0 ? options.per_face : usual;
    std::set<std::string> files;
    for (std::size_t i = 0; i < chosen.faces.size(); ++i) {
        const auto group = static_cast<std::int32_t>(std::distance(names.begin(), names.find(groups[i])));
        files.insert(chosen.faces[i].font.file_name());
        for (std::size_t label = 0; label < codes.size(); ++label)
            for (std::int64_t rendering = 0; rendering < per_face; ++rendering)
                drawing.draw(chosen.faces[i].type, codes[label], static_cast<std::int32_t>(label), group,
                             split_of_group(groups[i]), drawing.next_row());
    }
    for (const Split split : {Split::train, Split::validation, Split::test})
        if (part(contents, split).rows() == 0)
            fail<StorageError>(
                "the {} font families that cover '{}' leave the {} split empty (families are split "
                "as wholes); install more fonts: cmake/packages.txt lists them",
                names.size(), contents.name, split_name(split));
    return drawing.finish(files);
}

}  // namespace

DatasetContents render_glyphs(const GlyphOptions& options) {
    if (options.limit < 0 || options.per_face < 0)
        fail<ConfigError>("a limit below zero; leave it out for no limit");
    return options.set == GlyphSet::foundation ? render_foundation(options) : render_alphabet(options);
}

std::int64_t count_faces(GlyphSet set) {
    if (set != GlyphSet::foundation) return static_cast<std::int64_t>(target_faces(set).size());
    const std::vector<FontFace> all = installed_faces({});
    return std::count_if(all.begin(), all.end(),
                         [](const FontFace& face) { return !foundation_script(face.file_name()).empty(); });
}

}  // namespace vtvc
