// vtvc bench WHAT: what an operation costs on this machine. The measuring is a job of vtvc-worker in a store
// of its own, so that it is never taken for done.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "output.hpp"
#include "run_job.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/jobs.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

struct BenchRequest {
    std::int64_t threads = 1;
    std::vector<std::string> overrides;
    bool json = false;
};

/// A folder that goes with the request.
struct Scratch {
    Scratch() {
        std::string name = (fs::temp_directory_path() / "vtvc-bench-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            fail<StorageError>("cannot make a folder in {} (the job needs one); is it writable?",
                               fs::temp_directory_path().string());
        path = name;
    }
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    fs::path path;
};

/// 1.234 for ratios, everything else as it is.
std::string value_text(const Json& value) {
    if (value.is_number_float()) return fmt::format("{:.3f}", value.get<double>());
    return value.is_string() ? value.get<std::string>() : value.dump();
}

int run(const BenchRequest& request) {
    const Scratch scratch;
    const fs::path file = scratch.path / "bench.toml";
    write_atomically(file, "[job]\nkind = \"bench\"\n");
    RunRequest job;
    job.job = file.string();
    job.store = (scratch.path / "store").string();
    job.overrides = request.overrides;
    job.overrides.push_back(fmt::format("job.threads={}", request.threads));
    job.output = RunRequest::Output::kept;
    if (const int code = run_job_file(job); code != 0) return code;
    for (const auto& entry : fs::directory_iterator(scratch.path / "store" / "runs")) {
        const Json result = Json::parse(read_text((entry.path() / "bench.json").string()));
        if (request.json) {
            print_json(result);
            return 0;
        }
        std::string text;
        for (const auto& [key, value] : result.items())
            text += fmt::format("{:<34} {}\n", key, value_text(value));
        print_text(text);
        return 0;
    }
    fail<StorageError>("the measuring job left no result in {}; run it again", job.store);
}

}  // namespace

void add_bench(CLI::App& app) {
    CLI::App& bench = *app.add_subcommand("bench", "Measure what an operation costs on this machine");
    bench.require_subcommand(1);
    add_bench_storage(bench);
    CLI::App& verb = *bench.add_subcommand("compose", "Per-sample weights, against the plain network");
    auto request = std::make_shared<BenchRequest>();
    verb.add_option("--threads", request->threads, "Threads; one is measured in processor time")
        ->check(CLI::Range(1, 1024));
    verb.add_option("--set", request->overrides, "key=value of the bench job; may be repeated")
        ->allow_extra_args(false);
    add_json_flag(verb, request->json);
    verb.callback([request] {
        if (const int code = run(*request); code != 0) throw Exit{code};
    });
}

}  // namespace vtvc
