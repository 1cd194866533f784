#pragma once
#include <string>
#include <string_view>

namespace vtvc::foreign {

/// Refuses, with a StorageError, a tensor's name that could do harm elsewhere: empty, longer than 512 bytes,
/// not UTF-8, with control characters, or a path ("/x", "a/../b", "a//b"). Single slashes inside are fine.
void check_tensor_name(std::string_view name, std::string_view where);
/// The text as it may stand in an error message: control and non-ASCII bytes escaped, cut after 80
/// characters.
std::string shown(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace vtvc::foreign
