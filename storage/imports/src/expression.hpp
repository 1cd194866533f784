#pragma once
// Regular expressions by others: a map of names, an adapter's alpha_pattern. The library compiles and matches
// by recursion, and its usual matcher can take exponential time; here both are bounded.
#include <regex>
#include <string>

namespace vtvc {

/// ECMAScript without back-references (what makes matching polynomial). std::runtime_error says in words what
/// is wrong, also for expressions longer than 512 bytes, or of more than 2,048 bytes with their {n,m} written
/// out.
std::regex compile_expression(const std::string& text);

}  // namespace vtvc
