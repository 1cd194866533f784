#pragma once
// The index beside a checkpoint in shards: {"metadata": {...}, "weight_map": {tensor: file}}.
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc::foreign {

struct ShardIndex {
    std::vector<std::string> files;                 ///< bare names, sorted
    std::map<std::string, std::size_t> weight_map;  ///< tensor to its place in files
    std::map<std::string, std::string> notes;       ///< metadata, numbers in JSON spelling
};
/// Refuses file names that are more than a name: a shard lies beside its index.
ShardIndex parse_shard_index(std::string_view text, std::string_view where);

}  // namespace vtvc::foreign
