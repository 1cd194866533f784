// vtvc bench sweep: what the manager itself costs, with runs that do nothing.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/sweep/overview.hpp"
#include "vtvc/sweep/session.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct BenchSweep {
    int runs = 400, million = 1;
    bool json = false;
};

class Scratch {
  public:
    Scratch() {
        std::string name = (fs::temp_directory_path() / "vtvc-bench-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            fail<StorageError>("cannot make a folder in {}; is it writable?",
                               fs::temp_directory_path().string());
        path_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    fs::path operator/(const std::string& name) const { return path_ / name; }

  private:
    fs::path path_;
};

/// Four axes and seeds: a hundred points for each of the given number of batches.
std::string sweep_text(const std::string& name, std::int64_t batches) {
    return fmt::format(
        "[sweep]\nname = \"{}\"\nmax_runs = 10000000\n[fixed]\njob.kind = \"bench\"\n"
        "[[axis]]\nkey = \"bench.batch\"\nrange = {{ from = 1, to = {} }}\n"
        "[[axis]]\nkey = \"bench.tasks\"\nvalues = [10, 20]\n"
        "[[axis]]\nkey = \"bench.active\"\nrange = {{ from = 1, to = 10 }}\n[seeds]\ncount = 5\n",
        name, batches);
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

template <class Work>
double least_of(int times, const Work& work) {
    double least = 1e30;
    for (int i = 0; i < times; ++i) {
        const auto begin = Clock::now();
        work();
        least = std::min(least, seconds_since(begin));
    }
    return least;
}

double own_cpu_s() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Silent final : public sweep::Screen {
  public:
    void show(const sweep::Counts&, bool) override {}
    void note(const std::string& line) override { fmt::print(stderr, "{}\n", line); }
};

/// A journal of ten thousand finished runs.
void write_finished(const sweep::Plan& plan, const sweep::SweepFolder& folder) {
    fs::create_directories(folder.path);
    write_atomically(folder.frozen(), plan.frozen());
    sweep::Journal journal(folder.journal());
    sweep::Record record;
    record.text = hash_text(plan.frozen());
    journal.write(record);
    for (std::size_t i = 0; i < plan.size(); ++i) {
        sweep::Record start;
        start.kind = sweep::RecordKind::start;
        start.run = plan.key(i);
        start.attempt = 1;
        journal.write(start);
        start.kind = sweep::RecordKind::end;
        start.state = sweep::State::done;
        start.id = sweep::key_text(plan.key(i));
        start.seconds = 1;
        journal.write(start);
    }
}

/// Stands in for `vtvc run` and GNU parallel's command alike: the run folder's marker, and nothing else.
void write_no_op(const fs::path& path, const fs::path& store) {
    write_atomically(path, fmt::format("#!/bin/sh\nmkdir -p \"{0}/runs/${{VTVC_RUN_KEY:-$1}}\"\n: > "
                                       "\"{0}/runs/${{VTVC_RUN_KEY:-$1}}/DONE\"\n",
                                       store.string()));
    ::chmod(path.c_str(), 0755);
}

bool on_path(const std::string& program) {
    std::istringstream folders(std::getenv("PATH") ? std::getenv("PATH") : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (fs::exists(fs::path(folder) / program)) return true;
    return false;
}

void measure_runs(const BenchSweep& request, const Scratch& scratch, Json& result) {
    const fs::path store = scratch / "store";
    const std::string text = fmt::format(
        "[sweep]\nname = \"r\"\n[fixed]\njob.kind = \"bench\"\n[[axis]]\nkey = \"bench.batch\"\nrange = {{ "
        "from "
        "= 1, to = {} }}\n",
        request.runs);
    const sweep::Plan plan = sweep::Plan::parse(text, "bench.toml");
    write_no_op(scratch / "no-op", store);
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    sweep::ManagerSettings settings;
    settings.folder = sweep::sweep_folder(store, "r");
    for (int i = 0; i < cores; ++i) settings.machine.cores.push_back(i);
    sweep::Session session(plan, settings.folder, text, sweep::Session::Changed::refuse,
                           sweep::Claim::Force::no);
    settings.folder = session.folder();
    sweep::Stock stock(plan, store);
    const auto executor = sweep::local_executor(scratch / "no-op");
    Silent screen;
    sweep::Manager manager(plan, stock, session.journal(), *executor, screen, settings);
    const std::atomic<int> nobody{0};
    const double cpu = own_cpu_s();
    const auto begin = Clock::now();
    manager.run(nobody, [] { return true; });
    const double wall = seconds_since(begin);
    if (manager.counts().done != static_cast<std::size_t>(request.runs))
        fail<Error>("{} of {} runs that do nothing were not done",
                    request.runs - static_cast<int>(manager.counts().done), request.runs);
    result["runs"] = request.runs;
    result["cores"] = cores;
    result["cpu_ms_per_run"] = (own_cpu_s() - cpu) * 1e3 / request.runs;
    result["wall_ms_per_run"] = wall * 1e3 / request.runs;
    if (!on_path("parallel")) {
        result["parallel_wall_ms_per_run"] = nullptr;
        return;
    }
    const std::string command =
        fmt::format("seq 1 {} | parallel --will-cite -j {} '{}' x{{}} > /dev/null 2>&1", request.runs, cores,
                    (scratch / "no-op").string());
    const auto start = Clock::now();
    if (std::system(command.c_str()) != 0) fail<Error>("GNU parallel failed on the same runs");
    const double parallel = seconds_since(start);
    result["parallel_wall_ms_per_run"] = parallel * 1e3 / request.runs;
    result["wall_of_parallel"] = wall / parallel;
}

void run(const BenchSweep& request) {
    const Scratch scratch;
    Json result = Json::object();
    const auto expand = [&](std::int64_t batches) {
        return sweep::Plan::parse(sweep_text("e", batches), "bench.toml");
    };
    result["expand_100k_s"] = least_of(3, [&] { expand(1000); });
    result["bytes_per_run"] = expand(1000).bytes_a_run();
    if (request.million > 0) result["expand_1m_s"] = least_of(1, [&] { expand(10'000); });
    const sweep::Plan ten = sweep::Plan::parse(sweep_text("t", 100), "bench.toml");
    write_finished(ten, sweep::sweep_folder(scratch / "store", "t"));
    result["status_10k_s"] = least_of(5, [&] {
        const sweep::Overview overview("t", scratch / "store");
        if (overview.counts().done != ten.runs())
            fail<Error>("a journal of finished runs was not read as one");
    });
    measure_runs(request, scratch, result);
    if (request.json) return print_json(result);
    std::string text;
    for (const auto& [key, value] : result.items())
        text +=
            fmt::format("{:<26} {}\n", key,
                        value.is_number_float() ? fmt::format("{:.4f}", value.get<double>()) : value.dump());
    print_text(text);
}

}  // namespace

void add_bench_sweep(CLI::App& bench) {
    CLI::App& verb =
        *bench.add_subcommand("sweep", "What a sweep's manager costs, with runs that do nothing");
    auto request = std::make_shared<BenchSweep>();
    verb.add_option("--runs", request->runs, "Runs that are really started")->check(CLI::Range(1, 100000));
    verb.add_option("--million", request->million, "0 leaves the million runs out")->check(CLI::Range(0, 1));
    add_json_flag(verb, request->json);
    verb.callback([request] { run(*request); });
}

}  // namespace vtvc
