// vtvc bench WHAT: what an operation costs on this machine. The measuring is a job of vtvc-worker in a store
// of its own, so that it is never taken for done.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "bench_compose.hpp"
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
    std::string curves;  ///< empty: none
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

/// Flat objects with the same keys as a table with a head line.
std::string csv(const Json& rows) {
    std::string text;
    for (const Json& row : rows) {
        std::vector<std::string> head, cells;
        for (const auto& [key, value] : row.items()) {
            head.push_back(key);
            cells.push_back(value_text(value));
        }
        if (text.empty()) text = fmt::format("{}\n", fmt::join(head, ","));
        text += fmt::format("{}\n", fmt::join(cells, ","));
    }
    return text;
}

}  // namespace

Json measure_composition(std::int64_t threads, const std::vector<std::string>& overrides) {
    const Scratch scratch;
    const fs::path file = scratch.path / "bench.toml";
    write_atomically(file, "[job]\nkind = \"bench\"\n");
    RunRequest job;
    job.job = file.string();
    job.store = (scratch.path / "store").string();
    job.overrides = overrides;
    job.overrides.push_back(fmt::format("job.threads={}", threads));
    job.output = RunRequest::Output::kept;
    if (const int code = run_job_file(job); code != 0) throw Exit{code};
    for (const auto& entry : fs::directory_iterator(scratch.path / "store" / "runs"))
        return Json::parse(read_text((entry.path() / "bench.json").string()));
    fail<StorageError>("the measuring job left no result in {}; run it again", job.store);
}

namespace {

void run(const BenchRequest& request) {
    if (!request.curves.empty()) {
        const Json rows = measure_curves(request.curves, request.threads, request.overrides);
        if (request.json) return print_json(Json{{"curves", rows}});
        return print_text(csv(rows));
    }
    const Json result = measure_composition(request.threads, request.overrides);
    if (request.json) return print_json(result);
    std::string text;
    for (const auto& [key, value] : result.items())
        text += fmt::format("{:<34} {}\n", key, value_text(value));
    print_text(text);
}

}  // namespace

void add_bench(CLI::App& app) {
    CLI::App& bench = *app.add_subcommand("bench", "Measure what an operation costs on this machine");
    bench.require_subcommand(1);
    add_bench_storage(bench);
    add_bench_sweep(bench);
    CLI::App& verb = *bench.add_subcommand("compose", "Per-sample weights, against the plain network");
    auto request = std::make_shared<BenchRequest>();
    verb.add_option("--threads", request->threads, "Threads; one is measured in processor time")
        ->check(CLI::Range(1, 1024));
    verb.add_option("--set", request->overrides, "key=value of the bench job; may be repeated")
        ->allow_extra_args(false);
    verb.add_option("--curves", request->curves,
                    "Instead: products along one curve (tokens, samples, tasks, active, vit_b_16, vit_l_14, "
                    "demo) or all, as CSV");
    add_json_flag(verb, request->json);
    verb.callback([request] { run(*request); });
}

}  // namespace vtvc
