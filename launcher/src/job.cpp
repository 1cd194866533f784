// vtvc job: job files before they run.
#include <CLI/CLI.hpp>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/job_file.hpp"

namespace vtvc {
namespace {

void add_dump(CLI::App& parent) {
    CLI::App& verb = *parent.add_subcommand("dump-default", "A commented job file with every key of a kind");
    auto kind = std::make_shared<std::string>();
    verb.add_option("kind", *kind, fmt::format("{}", fmt::join(job_kinds(), ", ")))->required();
    verb.callback([kind] { print_text(dump_default(*kind)); });
}

void add_check(CLI::App& parent) {
    struct Arguments {
        std::string file;
        std::vector<std::string> overrides;
    };
    CLI::App& verb =
        *parent.add_subcommand("check", "Print a job with every key resolved, or all that is wrong");
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("file", arguments->file, "Job file")->required();
    verb.add_option("--set", arguments->overrides, "KEY=VALUE wins over the file; may be repeated")
        ->allow_extra_args(false);
    verb.callback(
        [arguments] { print_text(resolved_toml(*load_job(arguments->file, arguments->overrides))); });
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
