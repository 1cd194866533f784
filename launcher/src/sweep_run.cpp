// vtvc sweep run, resume, extend: carries a sweep to its end on this machine.
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <memory>

#include "output.hpp"
#include "sweep_screen.hpp"
#include "sweep_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/sweep/results.hpp"
#include "vtvc/sweep/session.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using sweep::Manager;

struct RunSweep {
    SweepPlace place;
    std::string out;  ///< the sweep's folder; empty: in the store
    int cores = 0;    ///< 0: those that this process may use
    double memory_gb = 0, grace_s = 30;
    std::vector<int> gpus;
    bool yes = false, take_over = false, json = false;
    sweep::Session::Changed changed = sweep::Session::Changed::refuse;
};

std::atomic<int> asked_to_stop{0};

/// The first INT, TERM or HUP asks for checkpoints, the second does not wait for them.
class StopSignals {
  public:
    StopSignals() {
        struct sigaction act {};
        act.sa_handler = [](int) { ++asked_to_stop; };
        for (std::size_t i = 0; i < signals.size(); ++i) {
            ::sigaction(signals[i], nullptr, &before_[i]);
            if (before_[i].sa_handler != SIG_IGN)
                ::sigaction(signals[i], &act, nullptr);  // nohup stays nohup
        }
    }
    ~StopSignals() {
        for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
    }
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

  private:
    static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, 3> before_{};
};

/// The cores that this process may use, the first of them if fewer are wanted.
std::vector<int> own_cores(int wanted) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) fail<Error>("cannot ask which cores may be used");
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(static_cast<unsigned>(core), &set)) cores.push_back(core);
    if (wanted > static_cast<int>(cores.size()))
        fail<ConfigError>("-j {} is more than the {} cores that may be used here (runs never share one)",
                          wanted, cores.size());
    if (wanted > 0) cores.resize(static_cast<std::size_t>(wanted));
    return cores;
}

double own_memory_mb() {
    struct sysinfo about {};
    ::sysinfo(&about);
    return static_cast<double>(about.totalram) * about.mem_unit / (1 << 20);
}

Json result_of(const sweep::Plan& plan, const sweep::SweepFolder& folder, const sweep::Counts& counts,
               int code) {
    return {{"sweep", plan.file().name},
            {"folder", folder.path.string()},
            {"runs", counts.all},
            {"done", counts.done},
            {"failed", counts.failed},
            {"cancelled", counts.cancelled},
            {"left", counts.planned + counts.queued},
            {"code", code}};
}

void run_sweep(const RunSweep& request) {
    const auto store = fs::absolute(request.place.store_folder());
    const sweep::Plan plan = sweep::find_plan(request.place.what, store, request.place.scale);
    if (static_cast<std::int64_t>(plan.runs()) > plan.file().max_runs && !request.yes)
        fail<ConfigError>(
            "{} runs are more than sweep.max_runs = {} (a slip in an axis?); look with 'vtvc sweep plan', "
            "then say --yes",
            plan.runs(), plan.file().max_runs);
    sweep::ManagerSettings settings;
    settings.folder = request.out.empty() ? sweep::sweep_folder(store, plan.file().name)
                                          : sweep::SweepFolder{fs::absolute(request.out)};
    settings.machine = {own_cores(request.cores), request.gpus,
                        request.memory_gb > 0 ? request.memory_gb * 1024 : own_memory_mb()};
    settings.grace_s = request.grace_s;
    std::error_code none;
    const std::string text =
        fs::is_regular_file(request.place.what, none) ? read_text(request.place.what) : "";
    sweep::Session session(plan, settings.folder, text, request.changed,
                           request.take_over ? sweep::Claim::Force::from_unknown : sweep::Claim::Force::no);
    settings.folder = session.folder();
    SweepScreen screen(plan);
    if (session.claim().dead())
        screen.note(fmt::format(
            "went on from {}, which is gone{}", session.claim().dead()->text(),
            session.orphans() > 0 ? fmt::format("; {} of its processes were ended", session.orphans()) : ""));
    sweep::Stock stock(plan, store);
    const auto executor = sweep::local_executor(fs::read_symlink("/proc/self/exe"));
    Manager manager(plan, stock, session.journal(), *executor, screen, settings);
    const StopSignals signals;
    const auto outcome = manager.run(asked_to_stop, [&] { return !session.claim().lost(); });
    const int code = outcome == Manager::Outcome::all_done  ? exit_code::done
                     : outcome == Manager::Outcome::stopped ? exit_code::checkpointed
                                                            : exit_code::failed;
    if (!plan.file().exports.empty()) {
        sweep::Overview overview(settings.folder.path.string(), store);
        write_exports(overview);
    }
    if (request.json) print_json(result_of(plan, settings.folder, manager.counts(), code));
    if (code != exit_code::done) throw Exit{code};
}

void add_options(CLI::App& verb, const std::shared_ptr<RunSweep>& request) {
    add_sweep_place(verb, request->place);
    verb.add_option("--out", request->out, "Folder of the sweep (default: STORE/sweeps/NAME)");
    verb.add_option("-j,--cores", request->cores, "Cores to use (default: all that this process may use)")
        ->check(CLI::Range(1, 4096));
    verb.add_option("--memory", request->memory_gb, "GiB that runs may ask for together (default: all)")
        ->check(CLI::PositiveNumber);
    verb.add_option("--gpus", request->gpus, "GPUs to use, as CUDA_VISIBLE_DEVICES numbers them")
        ->delimiter(',');
    verb.add_option("--grace", request->grace_s, "Seconds for a checkpoint, when runs are asked to stop")
        ->check(CLI::NonNegativeNumber);
    verb.add_flag("--yes", request->yes, "However many runs there are");
    verb.add_flag("--take-over", request->take_over, "The manager on another host is known to be dead");
    add_json_flag(verb, request->json);
    verb.callback([request] { run_sweep(*request); });
}

}  // namespace

void add_sweep_run(CLI::App& sweep) {
    add_options(*sweep.add_subcommand("run", "Run a sweep on this machine; one that was begun goes on"),
                std::make_shared<RunSweep>());
    add_options(*sweep.add_subcommand("resume", "Go on with a sweep that was begun"),
                std::make_shared<RunSweep>());
    auto extend = std::make_shared<RunSweep>();
    extend->changed = sweep::Session::Changed::extend;
    add_options(*sweep.add_subcommand("extend", "Go on with a changed file; what is still valid is kept"),
                extend);
}

}  // namespace vtvc
