#pragma once
// The installed fonts, as fontconfig knows them.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc {

struct FontFace {
    std::string path;
    int index = 0;  ///< of the face in the file, named instance included
    std::string family, style;
    std::string file_name() const;
};

/// Scalable text faces that have every one of the characters; one per family and style (the same face is
/// often installed in several formats), sorted by family, style and file name.
std::vector<FontFace> installed_faces(std::span<const char32_t> characters);

/// The script of a face of Noto's core fonts that the foundation set draws from ("Adlam" for
/// NotoSansAdlam-Bold.ttf); empty for all other files.
std::string foundation_script(std::string_view file_name);
/// True for every Noto file but the plain Sans, Serif, Mono and Display ones.
bool is_noto_extra(std::string_view file_name);

}  // namespace vtvc
