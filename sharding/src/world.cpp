// How a process finds out whether it is a rank, and how a rank's main ends.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>

#include "cause.hpp"
#include "mpi.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace vtvc {
namespace {

/// mpirun and srun --mpi=pmix tell their ranks so. Without them MPI_Init would cost a third of a second.
bool started_as_rank() { return std::getenv("OMPI_COMM_WORLD_SIZE") || std::getenv("PMIX_RANK"); }

/// Tasks that srun started beside this process; 1 outside srun. A batch script sees SLURM_NTASKS too, but has
/// no step of its own with that many tasks.
int tasks_of_srun() {
    for (const char* name : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"})
        if (const char* text = std::getenv(name); text && std::getenv("SLURM_STEP_ID"))
            return std::atoi(text);
    return 1;
}

void refuse_lonely_tasks(int size) {
    if (const int tasks = tasks_of_srun(); size == 1 && tasks > 1 && !std::getenv("OMPI_COMM_WORLD_SIZE"))
        fail<ConfigError>(
            "srun started {} tasks and none of them can see the others (each would do the whole job "
            "and write the same files); start them with srun --mpi=pmix",
            tasks);
}

/// Text on one line, but for a ConfigError: its list of problems is for reading.
std::string one_line(std::string text) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
        text.replace(at, 1, "; ");
    return text;
}

/// A world of one has nobody to take along and returns the ordinary way.
int end_rank(Communicator& ranks, int code, const std::string& text) {
    record_cause(CauseKind::error, ranks.rank(), code, text);
    if (ranks.size() > 1) end_job(code);
    return code;
}

}  // namespace

World::World(int& argc, char**& argv) {
    identify({});
    install_crash_handlers();
    if (started_as_rank()) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no rank outlives the mpirun that started it
        all_ = make_mpi(argc, argv);
    } else {
        all_ = make_self();
    }
    refuse_lonely_tasks(all_->size());
    if (all_->rank() == 0) mark_ready();
}

World::~World() = default;

int run_rank(World& world, int (*body)(Communicator&, int argc, char** argv), int argc, char** argv) {
    try {
        return body(world.all(), argc, argv);
    } catch (const ConfigError& error) {
        return end_rank(world.all(), 2, error.what());
    } catch (const std::exception& error) {
        return end_rank(world.all(), 1, one_line(error.what()));
    } catch (...) {
        return end_rank(world.all(), 1, "an exception of unknown type");
    }
}

Share share_of(std::int64_t total, int rank, int size) {
    if (total < 0 || size < 1 || rank < 0 || rank >= size)
        fail<Error>("no share of {} for rank {} of {}", total, rank, size);
    const auto base = total / size, larger = total % size;
    return {.first = rank * base + std::min<std::int64_t>(rank, larger),
            .count = base + (rank < larger ? 1 : 0)};
}

}  // namespace vtvc
