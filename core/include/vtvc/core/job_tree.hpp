#pragma once
// Jobs as trees of keys: what a sweep needs beside reading whole files. It reads one base and then changes a
// few keys thousands of times, each checked as the job's own schema says.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/config_tree.hpp"
#include "vtvc/core/job_file.hpp"

namespace vtvc {

/// A job of a tree; everything wrong is appended to problems. nullptr: its kind is missing or unknown.
std::unique_ptr<Job> read_job(const Node& root, std::vector<Mistake>& problems);

/// Reads one key (or one table array) by its full dotted path from the tree, with the checks of its own; all
/// other keys of the job keep their values. False: the job has no such key.
bool set_key(Job& job, const Node& root, std::string_view name, std::vector<Mistake>& problems);

/// A key of a job as programs ask for it.
struct KeyFact {
    std::string name;   ///< full path; rows of table arrays are numbered
    std::string value;  ///< as TOML
    Role role = Role::science;
};
/// Every key with its value, in the order of describe(); with only, that key or that table array alone.
std::vector<KeyFact> key_facts(const Job& job, std::string_view only = "");
/// "name=value" of the keys that make the run what it is, sorted; what run_id() hashes.
std::vector<std::string> identity_lines(const Job& job, const HashOf& content_hash_of,
                                        std::string_view only = "");

/// Replaces the path of every input that is given.
using PathMap = std::function<std::string(const std::string& path)>;
void map_inputs(Job& job, const PathMap& map);

}  // namespace vtvc
