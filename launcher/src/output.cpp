#include "output.hpp"

#include <CLI/CLI.hpp>
#include <array>

#include "vtvc/core/error.hpp"

namespace vtvc {

void add_json_flag(CLI::App& app, bool& flag) { app.add_flag("--json", flag, "Print one JSON document"); }

void print_text(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        fail<StorageError>("cannot write to standard output");
}

void print_json(const Json& document) { print_text(document.dump(2) + '\n'); }

std::string size_text(std::uintmax_t bytes) {
    constexpr std::array units{"bytes", "kB", "MB", "GB", "TB"};
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; size >= 1000 && unit + 1 < units.size(); ++unit) size /= 1000;
    return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", size, units[unit]);
}

}  // namespace vtvc
