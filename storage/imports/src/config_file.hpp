#pragma once
// JSON configurations beside foreign weights.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace vtvc {

/// StorageError: not a JSON object, larger than 16 MiB, nested deeper than 64.
nlohmann::json read_object(const std::filesystem::path& path);

/// The object under a key; an empty one where there is none.
inline nlohmann::json object_in(const nlohmann::json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_object() ? *found : nlohmann::json::object();
}
/// The text under a key; empty where there is none.
template <class Json>
std::string text_in(const Json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->template get<std::string>() : std::string();
}
inline bool flag_in(const nlohmann::json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace vtvc
