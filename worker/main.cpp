// vtvc-worker: what mpirun starts. Environment, job, exit code.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>

#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/jobs/blas.hpp"
#include "vtvc/jobs/run_job.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace {

std::atomic<bool> stop_asked{false};
void ask_to_stop(int) { stop_asked = true; }

int work(vtvc::Communicator& comm, int argc, char** argv) {
    CLI::App app("Runs one vtvc job; start it with mpirun, or through 'vtvc run'.");
    vtvc::JobRequest request;
    std::string kind;
    app.add_option("job", request.file, "job file (TOML)");
    app.add_option("--set", request.overrides, "key=value, wins over the file; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--store", request.store, "folder of all runs (default: VTVC_STORE, else ./vtvc-store)");
    app.add_option("--dump-default", kind,
                   "print a commented job file of this kind with every key, and leave");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& error) {
        throw vtvc::ConfigError(error.what());
    }
    if (!kind.empty()) {
        if (comm.rank() == 0) fmt::print("{}", vtvc::dump_default(kind));
        return vtvc::exit_code::done;
    }
    if (request.file.empty()) throw vtvc::ConfigError("no job file given; try --help");
    if (comm.rank() == 0) vtvc::warn_of_slow_blas();
    return vtvc::run_job(comm, request, stop_asked);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGUSR2, ask_to_stop);
    std::signal(SIGTERM, ask_to_stop);
    vtvc::World world(argc, argv);
    return vtvc::run_rank(world, work, argc, argv);
}
