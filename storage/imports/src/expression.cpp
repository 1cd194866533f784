#include "expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <stdexcept>

namespace vtvc {

namespace {

constexpr std::size_t longest = 512;
constexpr std::uint64_t longest_written_out = 2048;

/// At least the length of the expression with its counted repetitions written out: every count multiplies
/// all.
std::uint64_t written_out(const std::string& text) {
    std::uint64_t length = std::max<std::uint64_t>(1, text.size());
    for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
        std::uint64_t most = 1, number = 0;
        for (std::size_t i = at + 1; i < text.size() && text[i] != '}'; ++i) {
            const auto c = static_cast<unsigned char>(text[i]);
            number = std::isdigit(c) != 0 ? std::min(number * 10 + (c - '0'), longest_written_out) : 0;
            most = std::max(most, number);
        }
        length = std::min(length * most, longest_written_out + 1);
    }
    return length;
}

}  // namespace

std::regex compile_expression(const std::string& text) {
    if (text.size() > longest)
        throw std::runtime_error(fmt::format("it has {} bytes, {} at most are read", text.size(), longest));
    if (written_out(text) > longest_written_out)
        throw std::runtime_error(
            fmt::format("its repetitions make it longer than {} bytes", longest_written_out));
    // libstdc++'s own flag: it follows all alternatives at once, instead of one after another.
    return std::regex(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
}

}  // namespace vtvc
