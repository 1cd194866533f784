#pragma once
namespace vtvc {

/// True for letters from U+0530 on (no marks, digits or signs) of scripts other than Latin, Greek and
/// Cyrillic.
bool is_letter(char32_t code);

}  // namespace vtvc
