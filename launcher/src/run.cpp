// vtvc run JOB.toml -n R: checks the job, starts its ranks, says in one line why it failed, returns its code.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>

#include "run_job.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/progress.hpp"

namespace vtvc {
namespace {

constexpr std::size_t kept_lines = 20;

/// The worker lies beside this program.
std::string find_worker() {
    const auto worker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "vtvc-worker";
    if (!std::filesystem::exists(worker))
        fail<ConfigError>("there is no {} (it does the computing); build the target vtvc-worker",
                          worker.string());
    return worker.string();
}

void require_mpirun() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (std::filesystem::exists(std::filesystem::path(folder) / "mpirun")) return;
    fail<ConfigError>("mpirun is not on PATH (it starts the ranks); install openmpi-bin, or run with -n 1");
}

/// The end of what a quiet job wrote.
void show_end(const std::filesystem::path& output) {
    std::deque<std::string> lines;
    std::ifstream file(output);
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
        if (lines.size() > kept_lines) lines.pop_front();
    }
    for (const auto& line : lines) fmt::print(stderr, "{}\n", line);
}

std::string as_typed(const std::vector<std::string>& command) {
    std::string text;
    for (const auto& word : command) text += (text.empty() ? "" : " ") + word;
    return text;
}

int run(const RunRequest& request) {
    auto settings = request.overrides;
    if (!request.store.empty()) settings.push_back("job.store=" + request.store);
    const auto job = load_job(request.job, settings);
    const auto worker = find_worker();
    if (request.ranks > 1) require_mpirun();

    const RunFolders folders;
    const auto launch = launch_of(request, worker, static_cast<int>(job->common.threads), folders);
    const bool quiet = request.output == RunRequest::Output::kept;
    if (!quiet) say(as_typed(launch.command));
    const auto ending = supervise(launch);
    if (const auto why = explain(folders.causes(), request.ranks, ending); !why.empty()) {
        if (quiet) show_end(folders.output());
        fmt::print(stderr, "vtvc run: {}\n", why);
    }
    return ending.signal != 0 ? 128 + ending.signal : ending.code;
}

}  // namespace

void add_run(CLI::App& app) {
    auto* verb = app.add_subcommand("run", "Run a job file, with as many ranks as you like");
    auto request = std::make_shared<RunRequest>();
    auto quiet = std::make_shared<bool>(false);
    verb->add_option("job", request->job, "Job file (TOML)")->required();
    verb->add_option("-n,--ranks", request->ranks, "Processes that share the work")
        ->check(CLI::Range(1, 4096));
    verb->add_option("--set", request->overrides, "key=value, wins over the file; may be repeated")
        ->allow_extra_args(false);
    verb->add_option("--store", request->store,
                     "Folder of all runs (default: VTVC_STORE, else ./vtvc-store)");
    verb->add_option("--grace", request->grace_s, "Seconds to write a checkpoint in when asked to stop")
        ->check(CLI::NonNegativeNumber);
    verb->add_flag("--quiet", *quiet, "Show the job's output only if it fails");
    verb->callback([request, quiet] {
        if (*quiet) request->output = RunRequest::Output::kept;
        if (const int code = run(*request); code != 0) throw Exit{code};
    });
}

}  // namespace vtvc
