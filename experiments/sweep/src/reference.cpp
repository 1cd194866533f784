#include "reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace vtvc::sweep {

std::optional<Reference> parse_reference(const std::string& text, const Place& place,
                                         std::vector<Mistake>& problems) {
    Reference reference{text, "", "", {}, place};
    const auto complain = [&] {
        problems.push_back(
            {place, fmt::format("a reference is written @stage/file or @stage{{axis=label}}/file, "
                                "found \"{}\"",
                                text)});
        return std::nullopt;
    };
    std::string_view rest = std::string_view(text).substr(1);
    const auto end = rest.find_first_of("{/");
    if (end == std::string_view::npos || end == 0) return complain();
    reference.stage = rest.substr(0, end);
    rest.remove_prefix(end);
    if (rest.front() == '{') {
        const auto close = rest.find('}');
        if (close == std::string_view::npos) return complain();
        std::string_view inside = rest.substr(1, close - 1);
        rest.remove_prefix(close + 1);
        while (!inside.empty()) {
            std::string_view part = inside.substr(0, inside.find(','));
            inside.remove_prefix(std::min(inside.size(), part.size() + 1));
            while (part.starts_with(' ')) part.remove_prefix(1);
            const auto equals = part.find('=');
            if (equals == std::string_view::npos || equals == 0) return complain();
            reference.selectors.emplace_back(part.substr(0, equals), part.substr(equals + 1));
        }
    }
    if (rest.size() < 2 || rest.front() != '/') return complain();
    reference.file = rest.substr(1);
    return reference;
}

bool is_reference(const std::string& path) { return path.starts_with("/@"); }
std::string path_for_reference(const std::string& text) { return "/" + text; }
std::string reference_of_path(const std::string& path) { return path.substr(1); }

}  // namespace vtvc::sweep
