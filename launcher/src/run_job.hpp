#pragma once
// The parts of `vtvc run`: what to start, where its private files lie, what to say when it fails.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "supervise.hpp"

namespace vtvc {

struct RunRequest {
    std::string job;  ///< path of a job file
    std::vector<std::string> overrides;
    std::string store;  ///< empty: as the job says
    int ranks = 1;
    double grace_s = 30;
    enum class Output { shown, kept } output = Output::shown;  ///< kept: shown only when the job fails
    std::string log;    ///< a file that the ranks' output is added to instead; empty: none
    int lifeline = -1;  ///< descriptor of a pipe; the job is stopped when its other end is closed
};

/// Folders of one run, removed with it: Open MPI's session and shared memory, causes, output. A lock held by
/// every process of the run tells living ones from those that a kill has left behind.
class RunFolders {
  public:
    /// Also removes abandoned folders of earlier runs.
    RunFolders();
    ~RunFolders();
    RunFolders(const RunFolders&) = delete;
    RunFolders& operator=(const RunFolders&) = delete;
    const std::filesystem::path& temporary() const { return temporary_; }
    const std::filesystem::path& shared_memory() const { return shared_memory_; }  ///< empty without /dev/shm
    std::filesystem::path causes() const { return temporary_ / "causes"; }
    std::filesystem::path output() const { return temporary_ / "output"; }

  private:
    std::filesystem::path temporary_, shared_memory_;
    std::vector<int> locks_;
};

/// What starts the job: the worker alone for one rank, else mpirun. Pure but for whether we are root and
/// already inside an MPI job.
Launch launch_of(const RunRequest& request, const std::string& worker, int threads,
                 const RunFolders& folders);

/// Checks the job, runs it to its end, says why it failed. Its exit code, 128 + n where a signal n stopped
/// it. With json, what came of it is printed as one JSON object.
int run_job_file(const RunRequest& request, bool json = false);

/// One line on why a job ended with this code; empty for 0 and for "checkpointed". Knows the ranks' cause
/// files.
std::string explain(const std::filesystem::path& causes, int ranks, const Ending& ending);

}  // namespace vtvc
