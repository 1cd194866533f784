// vtvc run JOB.toml -n R: checks the job, finds it done or starts its ranks, says in one line why it failed,
// returns its code.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>

#include "output.hpp"
#include "run_job.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/storage/run_identity.hpp"

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

std::string state_of(int code) {
    if (code == exit_code::done) return "DONE";
    return code == exit_code::checkpointed ? "CHECKPOINTED" : "FAILED";
}

/// What --json prints, whatever happened to the ranks.
struct Told {
    std::string kind, id;
    std::filesystem::path run;
    bool started = false;
    std::string why;

    void print(int code) const {
        Json about{{"kind", kind},       {"id", id},     {"run", run.string()}, {"state", state_of(code)},
                   {"started", started}, {"code", code}, {"cause", nullptr}};
        if (!why.empty()) about["cause"] = why;
        print_json(about);
    }
};

/// Starts the ranks and waits for their end; the job's exit code.
int compute(const RunRequest& request, int threads, bool quiet, Told& told) {
    const auto worker = find_worker();
    if (request.ranks > 1) require_mpirun();

    const RunFolders folders;
    const auto launch = launch_of(request, worker, threads, folders);
    if (!quiet) say(as_typed(launch.command));
    told.started = true;
    const auto ending = supervise(launch);
    told.why = explain(folders.causes(), request.ranks, ending);
    if (!told.why.empty()) {
        if (quiet && request.log.empty()) show_end(folders.output());
        fmt::print(stderr, "vtvc run: {}\n", told.why);
        RunFolder::settle(told.run, told.why);
    }
    return ending.signal != 0 ? 128 + ending.signal : ending.code;
}

}  // namespace

int run_job_file(const RunRequest& request, bool json) {
    auto settings = request.overrides;
    if (!request.store.empty()) settings.push_back("job.store=" + request.store);
    const auto job = load_job(request.job, settings);
    const auto store = store_folder(job->common.store);
    Told told{std::string(job->kind()), identify(*job).id, {}, false, ""};
    told.run = RunFolder::folder(store, told.id);

    const bool quiet = request.output == RunRequest::Output::kept;
    int code = exit_code::done;
    if (RunFolder::is_done(store, told.id)) {
        link_run(job->common.out, told.run);
        if (!quiet) say(fmt::format("{} {}: done already", told.kind, told.id));
    } else {
        code = compute(request, static_cast<int>(job->common.threads), quiet, told);
    }
    if (json) told.print(code);
    return code;
}

void add_run(CLI::App& app) {
    auto* verb = app.add_subcommand("run", "Run a job file, with as many ranks as you like");
    auto request = std::make_shared<RunRequest>();
    auto quiet = std::make_shared<bool>(false), json = std::make_shared<bool>(false);
    verb->add_option("job", request->job, "Job file (TOML)")->required();
    verb->add_option("-n,--ranks", request->ranks, "Processes that share the work")
        ->check(CLI::Range(1, 4096));
    verb->add_option("--set", request->overrides, "key=value, wins over the file; may be repeated")
        ->allow_extra_args(false);
    verb->add_option("--store", request->store,
                     "Folder of all runs (default: VTVC_STORE, else ./vtvc-store)");
    verb->add_option("--grace", request->grace_s, "Seconds to write a checkpoint in when asked to stop")
        ->check(CLI::NonNegativeNumber);
    verb->add_option("--log", request->log, "File that the job's output is added to instead");
    verb->add_option("--lifeline", request->lifeline,
                     "Descriptor of a pipe: the job is stopped when its writing end is closed")
        ->check(CLI::NonNegativeNumber)
        ->group("");
    verb->add_flag("--quiet", *quiet, "Show the job's output only if it fails");
    add_json_flag(*verb, *json);
    verb->callback([request, quiet, json] {
        if (*quiet || *json) request->output = RunRequest::Output::kept;
        if (const int code = run_job_file(*request, *json); code != 0) throw Exit{code};
    });
}

}  // namespace vtvc
