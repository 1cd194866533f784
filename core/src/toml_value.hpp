#pragma once
// Values as TOML writes them.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc {

inline std::string toml_value(bool value) { return value ? "true" : "false"; }
inline std::string toml_value(std::int64_t value) { return fmt::format("{}", value); }
/// Shortest text that reads back to the same double, told apart from an integer.
inline std::string toml_value(double value) {
    const std::string text = fmt::format("{}", value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
inline std::string toml_value(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}
inline std::string toml_value(const std::string& text) { return toml_value(std::string_view(text)); }
template <class T>
std::string toml_value(const std::vector<T>& list) {
    std::string out;
    for (const T& value : list) out += (out.empty() ? "" : ", ") + toml_value(value);
    return "[" + out + "]";
}

}  // namespace vtvc
