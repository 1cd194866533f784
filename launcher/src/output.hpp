#pragma once
// What a verb says to stdout: words for people, or with --json one document for programs.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace CLI {
class App;
}

namespace vtvc {

using Json = nlohmann::ordered_json;

/// Adds --json, bound to flag.
void add_json_flag(CLI::App& app, bool& flag);
/// StorageError when stdout cannot be written (a full disk behind a pipe must not look like success).
void print_text(const std::string& text);
void print_json(const Json& document);

/// "12.3 MB"
std::string size_text(std::uintmax_t bytes);

}  // namespace vtvc
