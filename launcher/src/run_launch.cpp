// How ranks are started: mpirun's settings, each measured to matter on small machines.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "run_job.hpp"

namespace vtvc {
namespace {

std::vector<std::string> worker_command(const RunRequest& request, const std::string& worker) {
    std::vector<std::string> command{worker, request.job};
    for (const auto& setting : request.overrides) command.insert(command.end(), {"--set", setting});
    if (!request.store.empty()) command.insert(command.end(), {"--store", request.store});
    return command;
}

}  // namespace

Launch launch_of(const RunRequest& request, const std::string& worker, int threads,
                 const RunFolders& folders) {
    Launch launch;
    launch.command = worker_command(request, worker);
    launch.environment = {{"OMP_NUM_THREADS", std::to_string(threads)},
                          {"VTVC_CAUSE_DIR", folders.causes().string()}};
    launch.ready = folders.causes() / "ready";
    launch.grace = std::chrono::duration<double>(request.grace_s);
    launch.signal_if_orphaned = SIGKILL;
    if (request.output == RunRequest::Output::kept) launch.output = folders.output();
    if (!request.log.empty()) launch.output = request.log;
    launch.lifeline = request.lifeline;
    // Started from inside another MPI job, the worker must not take itself for one of its ranks.
    if (std::getenv("OMPI_COMM_WORLD_SIZE") || std::getenv("PMIX_RANK"))
        launch.forget = {"OMPI_", "PMIX_", "ORTE_"};
    if (request.ranks == 1) return launch;

    // More ranks than cores are allowed, threads are placed by the system: two runs bound by mpirun would
    // share core 0. --quiet: our cause is one line, mpirun's are ten.
    const std::vector<std::string> mpirun{
        "mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", std::to_string(request.ranks)};
    launch.command.insert(launch.command.begin(), mpirun.begin(), mpirun.end());
    launch.signal_if_orphaned = SIGTERM;  // mpirun then takes its ranks along and tidies up
    launch.defaults = {
        {"OMPI_MCA_pml", "ob1"},                   // starts in 0.14 s instead of 0.35
        {"OMPI_MCA_mpi_yield_when_idle", "1"},     // waiting ranks give their core away
        {"OMPI_MCA_oob_tcp_keepalive_time", "2"},  // a lost host is noticed after 5 s, not 8 minutes
        {"OMPI_MCA_oob_tcp_keepalive_intvl", "1"},
        {"OMPI_MCA_oob_tcp_keepalive_probes", "3"},
    };
    launch.environment["TMPDIR"] = folders.temporary().string();
    if (!folders.shared_memory().empty())
        launch.environment["OMPI_MCA_btl_vader_backing_directory"] = folders.shared_memory().string();
    if (::geteuid() == 0)
        launch.environment.insert({{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}});
    return launch;
}

}  // namespace vtvc
