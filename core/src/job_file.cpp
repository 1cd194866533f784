// Reading job files.
#include "vtvc/core/job_file.hpp"

#include <fmt/format.h>

#include "job_reader.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_tree.hpp"

namespace vtvc {
namespace {

/// nullptr, and a problem more, when there is no job to read the keys for.
std::unique_ptr<Job> job_of_kind(const Node& root, std::vector<Mistake>& problems) {
    const std::vector<std::string> kinds = job_kinds();
    const std::string list = fmt::format("{}", fmt::join(kinds, ", "));
    const Node* kind = root.find("job.kind");
    const auto* name = kind ? std::get_if<std::string>(&kind->value) : nullptr;
    if (!kind) {
        const Node* table = root.child("job");
        problems.push_back(
            {table ? table->key_place : root.place, fmt::format("missing 'job.kind', one of {}", list)});
    } else if (!name) {
        problems.push_back(
            {kind->place, fmt::format("'job.kind' must be one of {}, found {}", list, found_text(*kind))});
    } else if (auto job = make_job(*name)) {
        return job;
    } else {
        problems.push_back({kind->place, fmt::format("unknown job kind \"{}\", must be one of {}{}", *name,
                                                     list, did_you_mean(*name, kinds))});
    }
    return nullptr;
}

}  // namespace

std::unique_ptr<Job> load_job(const std::string& path, const std::vector<std::string>& overrides) {
    std::string text;
    try {
        text = read_text(path);
    } catch (const StorageError& error) {
        fail<ConfigError>("{}: no job file to run", error.what());
    }
    return parse_job(text, path, overrides);
}

std::unique_ptr<Job> parse_job(const std::string& text, const std::string& name,
                               const std::vector<std::string>& overrides) {
    std::vector<Mistake> problems;
    Node root = read_config(text, name, problems);
    throw_problems(problems);  // half a file would only add misleading complaints of missing keys
    apply_overrides(root, overrides, problems);
    std::unique_ptr<Job> job = read_job(root, problems);
    throw_problems(std::move(problems));
    return job;
}

std::unique_ptr<Job> read_job(const Node& root, std::vector<Mistake>& problems) {
    std::unique_ptr<Job> job = job_of_kind(root, problems);
    if (!job) return job;
    JobReader reader(root, problems);
    job->describe(reader);
    reader.complain_of_unknown();
    std::vector<std::string> found;
    job->check(found);
    for (const std::string& problem : found) reader.complain_of(problem);
    return job;
}

bool set_key(Job& job, const Node& root, std::string_view name, std::vector<Mistake>& problems) {
    JobReader reader(root, problems, name);
    job.describe(reader);
    return reader.met();
}

}  // namespace vtvc
