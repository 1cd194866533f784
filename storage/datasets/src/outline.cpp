#include "outline.hpp"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_BBOX_H
#include FT_OUTLINE_H

#include <algorithm>
#include <cmath>
#include <utility>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

void check(FT_Error code, const std::string& what) {
    if (code == 0) return;
    const char* text = FT_Error_String(code);  // null when FreeType was built without its texts
    fail<StorageError>("FreeType cannot {} (error {:#x}{}{})", what, code, text ? ": " : "",
                       text ? text : "");
}

FT_Fixed fixed(double value) { return std::lround(value * 65536); }
FT_Pos pixels(double value) { return std::lround(value * 64); }

}  // namespace

struct Typeface::Impl {
    FT_Library library = nullptr;
    FT_Face face = nullptr;
    ~Impl() {
        if (face) FT_Done_Face(face);
        if (library) FT_Done_FreeType(library);
    }
};

Typeface::Typeface(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Typeface::~Typeface() = default;
Typeface::Typeface(Typeface&&) noexcept = default;
Typeface& Typeface::operator=(Typeface&&) noexcept = default;

Typeface Typeface::open(const FontFace& font) {
    auto impl = std::make_unique<Impl>();
    check(FT_Init_FreeType(&impl->library), "start");
    check(FT_New_Face(impl->library, font.path.c_str(), font.index, &impl->face), "open " + font.path);
    check(FT_Select_Charmap(impl->face, FT_ENCODING_UNICODE), "find Unicode characters in " + font.path);
    return Typeface(std::move(impl));
}

std::vector<char32_t> Typeface::characters() const {
    std::vector<char32_t> found;
    FT_UInt glyph = 0;
    for (FT_ULong code = FT_Get_First_Char(impl_->face, &glyph); glyph != 0;
         code = FT_Get_Next_Char(impl_->face, code, &glyph))
        found.push_back(static_cast<char32_t>(code));
    return found;
}

bool Typeface::has(char32_t code) const { return FT_Get_Char_Index(impl_->face, code) != 0; }

bool Typeface::draw(char32_t code, const Affine& bend, std::span<std::uint8_t> image) const {
    std::fill(image.begin(), image.end(), std::uint8_t{0});
    const FT_UInt glyph = FT_Get_Char_Index(impl_->face, code);
    if (glyph == 0) return false;
    // Font units: the outline is scaled once, by our own map, and never hinted.
    if (FT_Load_Glyph(impl_->face, glyph, FT_LOAD_NO_SCALE) != 0) return false;
    if (impl_->face->glyph->format != FT_GLYPH_FORMAT_OUTLINE) return false;
    FT_Outline& outline = impl_->face->glyph->outline;
    FT_BBox box;
    if (outline.n_contours == 0 || FT_Outline_Get_BBox(&outline, &box) != 0) return false;
    const auto extent = static_cast<double>(std::max(box.xMax - box.xMin, box.yMax - box.yMin));
    if (extent <= 0) return false;

    FT_Outline_Translate(&outline, -(box.xMin + box.xMax) / 2, -(box.yMin + box.yMax) / 2);
    const double scale = glyph_extent * 64 / extent;
    const FT_Matrix matrix{.xx = fixed(scale * bend.xx),
                           .xy = fixed(scale * bend.xy),
                           .yx = fixed(scale * bend.yx),
                           .yy = fixed(scale * bend.yy)};
    FT_Outline_Transform(&outline, &matrix);
    const double middle = glyph_side / 2.0;
    FT_Outline_Translate(&outline, pixels(middle + bend.dx), pixels(middle + bend.dy));

    FT_Bitmap bitmap{};
    bitmap.rows = bitmap.width = static_cast<unsigned>(glyph_side);
    bitmap.pitch = static_cast<int>(glyph_side);  // positive: rows run from the top
    bitmap.buffer = image.data();
    bitmap.num_grays = 256;
    bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
    check(FT_Outline_Get_Bitmap(impl_->library, &outline, &bitmap),
          fmt::format("draw U+{:04X}", static_cast<unsigned>(code)));
    return std::any_of(image.begin(), image.end(), [](std::uint8_t pixel) { return pixel != 0; });
}

}  // namespace vtvc
