#pragma once
// Job files: TOML in, checked job struct out; every error at once, each with file:line:column.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vtvc/core/jobs.hpp"

namespace vtvc {

/// Reads a job file and checks it against the schema of its [job] kind.
/// include = ["other.toml"] (paths relative to the file, circles refused) is merged first; keys of the
/// including file win; then overrides "key.sub=value" (TOML values; bare words are taken for strings) win
/// over both. Relative paths of Role::input keys are resolved against the folder of the file that holds them;
/// those of overrides against the current folder. Throws ConfigError whose what() lists every problem, a line
/// each: unknown keys (with the nearest spelling), wrong types, values out of range, missing keys, and
/// whatever Job::check finds.
std::unique_ptr<Job> load_job(const std::string& path, const std::vector<std::string>& overrides = {});
/// The same from text; name stands for the file in messages.
std::unique_ptr<Job> parse_job(const std::string& text, const std::string& name,
                               const std::vector<std::string>& overrides = {});

/// A commented TOML file with every key of a kind: help, type, unit, range, default.
std::string dump_default(const std::string& kind);
/// The job with every key written out, as TOML that load_job reads back to the same job.
std::string resolved_toml(const Job& job);
/// The job's science keys and the content hashes of its inputs (from the given function, path → hash), plus
/// the kind's results number: hashed to 16 hexadecimal digits, the run's id.
using HashOf = std::function<std::string(const std::string& path)>;
std::string run_id(const Job& job, const HashOf& content_hash_of);

}  // namespace vtvc
