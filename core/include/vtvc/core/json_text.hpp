#pragma once
// JSON by others, looked through before any tree of it is built: libraries walk trees by recursion, and a
// text of a hundred thousand brackets would end the program.
#include <cstddef>
#include <string>
#include <string_view>

namespace vtvc {

struct JsonLimits {
    std::size_t depth = 64;
    std::size_t values = 4'000'000;  ///< keys count too
};

enum class JsonFault {
    none,
    syntax,       ///< no JSON; byte says where
    too_deep,     ///< more levels than depth
    too_many,     ///< more values than values
    huge_number,  ///< no double can hold it
    key_twice,    ///< in one object; key says which
};

struct JsonCheck {
    JsonFault fault = JsonFault::none;
    std::size_t byte = 0;
    std::string key;
};

/// Reads the whole text, keeping nothing but the keys of the objects that are open.
JsonCheck check_json(std::string_view text, const JsonLimits& limits = {});
/// The fault in words: "is not JSON (byte 7)", "is nested deeper than 64"; empty for none.
std::string fault_text(const JsonCheck& check, const JsonLimits& limits = {});

}  // namespace vtvc
