#pragma once
// JSON by strangers: bounded in depth and number of values, no key twice in one object.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vtvc::foreign {

/// StorageError names where and, for a syntax error, the byte. what: "header", "index".
nlohmann::json parse_json(std::string_view text, std::string_view what, std::string_view where);

}  // namespace vtvc::foreign
