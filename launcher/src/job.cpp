// vtvc job: job files before they run.
#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/job_file.hpp"

namespace vtvc {
namespace {

void add_dump(CLI::App& parent) {
    CLI::App& verb = *parent.add_subcommand("dump-default", "A commented job file with every key of a kind");
    auto kind = std::make_shared<std::string>();
    verb.add_option("kind", *kind, fmt::format("{}", fmt::join(job_kinds(), ", ")))->required();
    verb.callback([kind] { print_text(dump_default(*kind)); });
}

struct Check {
    std::string file;
    std::vector<std::string> overrides;
    bool json = false;
};

void check(const Check& what) {
    if (!what.json) return print_text(resolved_toml(*load_job(what.file, what.overrides)));
    Json about{{"file", what.file}, {"sound", true}, {"kind", nullptr}, {"problems", Json::array()}};
    try {
        const auto job = load_job(what.file, what.overrides);
        about["kind"] = job->kind();
        about["resolved"] = resolved_toml(*job);
    } catch (const ConfigError& error) {
        about["sound"] = false;
        std::istringstream lines(error.what());
        for (std::string line; std::getline(lines, line);) about["problems"].push_back(line);
    }
    print_json(about);
    if (!about["sound"]) throw Exit{exit_code::config};
}

void add_check(CLI::App& parent) {
    CLI::App& verb =
        *parent.add_subcommand("check", "Print a job with every key resolved, or all that is wrong");
    auto arguments = std::make_shared<Check>();
    verb.add_option("file", arguments->file, "Job file")->required();
    verb.add_option("--set", arguments->overrides, "KEY=VALUE wins over the file; may be repeated")
        ->allow_extra_args(false);
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] { check(*arguments); });
}

}  // namespace

void add_job(CLI::App& app) {
    CLI::App& job = *app.add_subcommand("job", "Look at job files");
    job.require_subcommand(1);
    add_dump(job);
    add_check(job);
    add_dump(app);
}

}  // namespace vtvc
