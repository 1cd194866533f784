// A small but real worker for tests of sweeps: it takes a job of the kind bench, computes bench.repetitions
// steps of arithmetic whose result depends on every step, with metrics, checkpoints and the run folder's
// rules, and needs no torch. bench.isa says how it misbehaves: "fail", "config", "kill-once" (SIGKILL after
// two steps of the first attempt), "kill" (of every attempt), "stall" (checkpoints at once, always), "hang",
// "nan". VTVC_STEP_MS: milliseconds a step takes.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/storage/run_identity.hpp"

namespace {

using vtvc::RunFolder;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::atomic<bool> stop_asked{false};

struct Progress {
    std::int64_t step = 0;
    double sum = 0;
    std::uint64_t metrics_bytes = 0;
};

Progress resumed(const RunFolder& run) {
    if (!fs::exists(run.file("checkpoint.json"))) return {};
    const auto json = Json::parse(vtvc::read_text(run.file("checkpoint.json")));
    return {json["step"], json["sum"], json["bytes"]};
}

void save(RunFolder& run, const Progress& now, std::int64_t steps) {
    vtvc::write_atomically(run.file("checkpoint.json"),
                           Json{{"step", now.step}, {"sum", now.sum}, {"bytes", now.metrics_bytes}}.dump());
    run.stand_at(now.step, steps);
}

int compute(RunFolder& run, const vtvc::BenchJob& job, const fs::path& store) {
    const char* const pace = std::getenv("VTVC_STEP_MS");
    const auto step_time = std::chrono::milliseconds(pace ? std::atoi(pace) : 0);
    Progress now = resumed(run);
    vtvc::JsonLines metrics(run.file("metrics.jsonl"), now.metrics_bytes);
    const auto checkpointed = [&] {
        save(run, now, job.repetitions);
        run.status("CHECKPOINTED");
        return vtvc::exit_code::checkpointed;
    };
    (void)store;
    if (job.isa == "fail") throw vtvc::StorageError("told to fail");
    if (job.isa == "config") throw vtvc::ConfigError("told to refuse");
    if (job.isa == "nan") throw vtvc::NumericError("the loss is NaN at step 1 (told so)");
    if (job.isa == "stall") return checkpointed();
    run.stand_at(now.step, job.repetitions);
    run.status("RUNNING");
    while (now.step < job.repetitions) {
        while (job.isa == "hang" && !stop_asked) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (stop_asked) return checkpointed();
        vtvc::Stream noise(static_cast<std::uint64_t>(job.common.seed), vtvc::Purpose::order,
                           static_cast<std::uint64_t>(job.batch), static_cast<std::uint64_t>(now.step));
        now.sum = now.sum * .9 + noise.normal() * static_cast<double>(job.tasks);
        ++now.step;
        metrics.write(Json{{"step", now.step}, {"loss", now.sum}}.dump());
        now.metrics_bytes = metrics.bytes();
        if (now.step % 2 == 0) save(run, now, job.repetitions);
        const bool dies = job.isa == "kill" || (job.isa == "kill-once" && run.attempt() == 1);
        if (dies && now.step % 2 == 0) ::raise(SIGKILL);
        std::this_thread::sleep_for(step_time);
    }
    run.stand_at(now.step, job.repetitions);
    vtvc::write_atomically(run.file("result.json"), Json{{"value", now.sum}}.dump());
    run.finish();
    return vtvc::exit_code::done;
}

int work(int argc, char** argv) {
    std::string store;
    std::vector<std::string> overrides;
    for (int i = 2; i + 1 < argc; i += 2)
        (std::string(argv[i]) == "--store" ? store : overrides.emplace_back()) = argv[i + 1];
    const auto job = vtvc::load_job(argv[1], overrides);
    const auto id = vtvc::identify(*job).id;
    store = vtvc::store_folder(store);
    if (RunFolder::is_done(store, id)) return vtvc::exit_code::done;
    RunFolder run = RunFolder::claim(store, id);
    vtvc::write_atomically(run.file("resolved.toml"), vtvc::resolved_toml(*job));
    vtvc::write_atomically(run.file("provenance.json"), vtvc::provenance_json("sweep_worker", 1, {}));
    vtvc::write_atomically(run.file("attempt-" + std::to_string(run.attempt())) / "begun", "");
    try {
        return compute(run, dynamic_cast<const vtvc::BenchJob&>(*job), store);
    } catch (const std::exception& error) {
        run.status("FAILED", error.what());
        throw;
    }
}

void write_cause(const char* what) {
    const char* folder = std::getenv("VTVC_CAUSE_DIR");
    if (!folder) return;
    const Json cause{{"schema", 1},     {"rank", 0},       {"ranks", 1},  {"host", "here"},
                     {"kind", "error"}, {"message", what}, {"time_ns", 1}};
    vtvc::write_atomically(fs::path(folder) / "rank-0.json", cause.dump());
}

}  // namespace

int main(int argc, char** argv) {
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    if (rank && std::string(rank) != "0") return 0;  // one rank does it all
    std::signal(SIGUSR2, [](int) { stop_asked = true; });
    std::signal(SIGTERM, [](int) { stop_asked = true; });
    if (const char* folder = std::getenv("VTVC_CAUSE_DIR"))
        vtvc::write_atomically(fs::path(folder) / "ready", "");
    try {
        return work(argc, argv);
    } catch (const vtvc::ConfigError& error) {
        write_cause(error.what());
        return vtvc::exit_code::config;
    } catch (const std::exception& error) {
        write_cause(error.what());
        return vtvc::exit_code::failed;
    }
}
