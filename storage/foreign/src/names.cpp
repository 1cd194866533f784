#include "names.hpp"

#include <algorithm>
#include <cstdint>

#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::size_t kLongestName = 512;
constexpr std::size_t kLongestShown = 80;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool looks_like_path(std::string_view name) {
    std::size_t begin = 0;
    while (true) {
        const auto end = std::min(name.find('/', begin), name.size());
        const auto part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") return true;
        if (end == name.size()) return false;
        begin = end + 1;
    }
}

}  // namespace

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if (lead < 0x80) continue;
        // Bytes that follow, and the smallest code point that needs as many.
        const int follow = lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead >= 0xf5 || text.size() - i < static_cast<std::size_t>(follow)) return false;
        std::uint32_t point = lead & (0x3fU >> follow);
        for (int k = 0; k < follow; ++k, ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            if ((byte & 0xc0U) != 0x80) return false;
            point = point << 6U | (byte & 0x3fU);
        }
        constexpr std::uint32_t kSmallest[] = {0x80, 0x800, 0x10000};
        if (point < kSmallest[follow - 1] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return false;
    }
    return true;
}

void check_tensor_name(std::string_view name, std::string_view where) {
    if (name.empty()) fail<StorageError>("{}: a tensor has an empty name; was it written by hand?", where);
    if (name.size() > kLongestName)
        fail<StorageError>("{}: a tensor's name has {} bytes ({} at most); it starts with '{}'", where,
                           name.size(), kLongestName, shown(name.substr(0, 40)));
    if (!is_utf8(name) || std::any_of(name.begin(), name.end(), is_control))
        fail<StorageError>("{}: tensor name '{}' holds control characters or is not UTF-8; was it damaged?",
                           where, shown(name));
    if (looks_like_path(name))
        fail<StorageError>("{}: tensor name '{}' is a path (names must never reach a file system); rename it",
                           where, shown(name));
}

std::string shown(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, kLongestShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    if (text.size() > kLongestShown) out += "…";
    return out;
}

}  // namespace vtvc::foreign
