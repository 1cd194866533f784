#include "fonts.hpp"

#include <fontconfig/fontconfig.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

template <auto destroy>
struct Destroy {
    template <class T>
    void operator()(T* handle) const {
        destroy(handle);
    }
};
template <class T, auto destroy>
using Handle = std::unique_ptr<T, Destroy<destroy>>;

std::string text_of(FcPattern* font, const char* key) {
    FcChar8* value = nullptr;
    if (FcPatternGetString(font, key, 0, &value) != FcResultMatch) return {};
    return reinterpret_cast<const char*>(value);
}

bool is_set(FcPattern* font, const char* key) {
    FcBool value = FcFalse;
    return FcPatternGetBool(font, key, 0, &value) == FcResultMatch && value == FcTrue;
}

// Letters of these scripts are taken over from Latin, Greek or Cyrillic, some of them line for line: a base
// that has learned them has seen the target classes.
constexpr std::array kin_of_targets{"Carian", "Cherokee", "Coptic", "Deseret",   "Gothic",
                                    "Lisu",   "Lycian",   "Lydian", "OldItalic", "Osage"};
constexpr std::array not_scripts{"", "Display", "Mono", "Symbols", "Symbols2", "Math"};
constexpr std::array plain_styles{"-Regular.ttf", "-Bold.ttf", "-Regular.otf", "-Bold.otf"};

bool drop_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace

std::string FontFace::file_name() const { return path.substr(path.find_last_of('/') + 1); }

std::vector<FontFace> installed_faces(std::span<const char32_t> characters) {
    const Handle<FcPattern, FcPatternDestroy> wanted(FcPatternCreate());
    const Handle<FcCharSet, FcCharSetDestroy> needed(FcCharSetCreate());
    for (const char32_t code : characters) FcCharSetAddChar(needed.get(), code);
    FcPatternAddCharSet(wanted.get(), FC_CHARSET, needed.get());
    FcPatternAddBool(wanted.get(), FC_OUTLINE, FcTrue);
    const Handle<FcObjectSet, FcObjectSetDestroy> keys(FcObjectSetBuild(
        FC_FAMILY, FC_STYLE, FC_FILE, FC_INDEX, FC_SYMBOL, FC_VARIABLE, static_cast<const char*>(nullptr)));
    const Handle<FcFontSet, FcFontSetDestroy> found(FcFontList(nullptr, wanted.get(), keys.get()));
    if (!found) fail<StorageError>("fontconfig lists no fonts; is the package fontconfig installed?");

    std::vector<FontFace> faces;
    for (FcPattern* font : std::span(found->fonts, static_cast<std::size_t>(found->nfont))) {
        if (is_set(font, FC_SYMBOL) || is_set(font, FC_VARIABLE)) continue;
        FontFace face{.path = text_of(font, FC_FILE),
                      .family = text_of(font, FC_FAMILY),
                      .style = text_of(font, FC_STYLE)};
        FcPatternGetInteger(font, FC_INDEX, 0, &face.index);
        faces.push_back(std::move(face));
    }
    std::sort(faces.begin(), faces.end(), [](const FontFace& a, const FontFace& b) {
        return std::tuple(a.family, a.style, a.file_name(), a.path, a.index) <
               std::tuple(b.family, b.style, b.file_name(), b.path, b.index);
    });
    const auto same = [](const FontFace& a, const FontFace& b) {
        return a.family == b.family && a.style == b.style;
    };
    faces.erase(std::unique(faces.begin(), faces.end(), same), faces.end());
    return faces;
}

std::string foundation_script(std::string_view file_name) {
    std::string_view rest = file_name;
    if (!drop_prefix(rest, "NotoSans") && !drop_prefix(rest, "NotoSerif")) return {};
    const std::size_t dash = std::min(rest.find('-'), rest.size());
    const std::string_view script = rest.substr(0, dash), style = rest.substr(dash);
    const auto is = [](std::string_view text) {
        return [text](std::string_view other) { return text == other; };
    };
    if (std::none_of(plain_styles.begin(), plain_styles.end(), is(style))) return {};
    if (std::any_of(not_scripts.begin(), not_scripts.end(), is(script))) return {};
    if (std::any_of(kin_of_targets.begin(), kin_of_targets.end(), is(script))) return {};
    return std::string(script);
}

bool is_noto_extra(std::string_view file_name) {
    std::string_view rest = file_name;
    if (!drop_prefix(rest, "Noto")) return false;
    if (!drop_prefix(rest, "Sans")) drop_prefix(rest, "Serif");
    if (!drop_prefix(rest, "Mono")) drop_prefix(rest, "Display");
    return !rest.starts_with('-');
}

}  // namespace vtvc
