#pragma once
// One font face, drawn by FreeType.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fonts.hpp"

namespace vtvc {

constexpr std::int64_t glyph_side = 28;                        ///< pixels
constexpr std::int64_t glyph_bytes = glyph_side * glyph_side;  ///< one grey byte a pixel
constexpr double glyph_extent = 20;  ///< pixels: the larger of a plain glyph's width and height

/// About the glyph's centre, y upwards; shifts in pixels. The default changes nothing.
struct Affine {
    double xx = 1, xy = 0, yx = 0, yy = 1;
    double dx = 0, dy = 0;
};

class Typeface {
  public:
    /// StorageError when FreeType cannot read the file.
    static Typeface open(const FontFace& face);
    ~Typeface();
    Typeface(Typeface&&) noexcept;
    Typeface& operator=(Typeface&&) noexcept;
    /// Every character that the face maps to a glyph, ascending.
    std::vector<char32_t> characters() const;
    bool has(char32_t code) const;
    /// Draws into image (glyph_bytes, rows from the top, 255 is ink). False, image black, for a glyph that is
    /// missing or has no outline.
    bool draw(char32_t code, const Affine& bend, std::span<std::uint8_t> image) const;

  private:
    struct Impl;
    explicit Typeface(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
