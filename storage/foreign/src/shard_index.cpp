#include "shard_index.hpp"

#include <algorithm>

#include "json.hpp"
#include "names.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::size_t kMostShards = 10'000;

void check_file_name(const std::string& file, std::string_view where) {
    const bool plain = !file.empty() && file.size() <= 255 && file.front() != '.' &&
                       file.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos && is_utf8(file);
    if (!plain)
        fail<StorageError>(
            "{}: its weight_map names the file '{}' (only names of files beside it are followed)", where,
            shown(file));
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, std::string_view where) {
    const auto root = parse_json(text, "index", where);
    const auto map = root.is_object() ? root.find("weight_map") : root.end();
    if (map == root.end() || !map->is_object())
        fail<StorageError>("{}: it has no weight_map (an index says which file holds each tensor)", where);
    if (map->empty()) fail<StorageError>("{}: its weight_map is empty", where);
    ShardIndex index;
    for (const auto& [name, file] : map->items()) {
        check_tensor_name(name, where);
        if (!file.is_string())
            fail<StorageError>("{}: the file of tensor '{}' in its weight_map is not a text", where,
                               shown(name));
        check_file_name(file.get_ref<const std::string&>(), where);
        index.files.push_back(file.get<std::string>());
    }
    std::sort(index.files.begin(), index.files.end());
    index.files.erase(std::unique(index.files.begin(), index.files.end()), index.files.end());
    if (index.files.size() > kMostShards)
        fail<StorageError>("{}: its weight_map names {} files (at most {} are opened)", where,
                           index.files.size(), kMostShards);
    for (const auto& [name, file] : map->items()) {
        const auto found =
            std::lower_bound(index.files.begin(), index.files.end(), file.get_ref<const std::string&>());
        index.weight_map[name] = static_cast<std::size_t>(found - index.files.begin());
    }
    if (const auto metadata = root.find("metadata"); metadata != root.end() && metadata->is_object())
        for (const auto& [key, value] : metadata->items())
            if (value.is_primitive())
                index.notes[key] = value.is_string() ? value.get<std::string>() : value.dump();
    return index;
}

}  // namespace vtvc::foreign
