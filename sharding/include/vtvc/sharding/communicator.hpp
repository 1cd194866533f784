#pragma once
// The one interface through which ranks talk. Back ends: mpi (CPU memory, Open MPI), self (a world of one),
// recording (counts calls and bytes, for tests and the cost model); nccl stands beside them. Callers never
// test size() == 1 and carry no #ifdef. Every call is checked; an error throws MpiError naming call, file and
// line.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vtvc {

enum class Reduce { sum, max, min };

class Communicator {
  public:
    virtual ~Communicator() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    /// In place, the same values on every rank afterwards; for one R the order of summation is fixed, so that
    /// two runs agree bit for bit. All ranks give spans of one length.
    virtual void all_reduce(std::span<float> values, Reduce how = Reduce::sum) = 0;
    virtual void all_reduce(std::span<double> values, Reduce how = Reduce::sum) = 0;
    virtual void all_reduce(std::span<std::int64_t> values, Reduce how = Reduce::sum) = 0;
    virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
    /// Every rank's bytes, by rank; lengths may differ.
    virtual std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine) = 0;
    virtual void barrier() = 0;
};

/// Who starts the ranks: initialises MPI (MPI_THREAD_MULTIPLE) when this process was started by mpirun or
/// srun, and a world of one otherwise. One per process; finalises in its destructor. Under MPI a watchdog
/// notices within 5 s ranks that were killed or stopped and ends the job; so does a collective that lasts
/// longer than VTVC_COLLECTIVE_TIMEOUT_S (default 600), or ranks that meet in different collectives. From the
/// constructor on, crash signals and exceptions nobody catches leave a one-line cause. A program that handles
/// SIGUSR2 or SIGTERM sets its handlers before: the launcher may send them from then on.
/// ConfigError: srun without PMIx, a bad time limit.
class World {
  public:
    World(int& argc, char**& argv);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    Communicator& all() { return *all_; }

  private:
    std::unique_ptr<Communicator> all_;
};

std::unique_ptr<Communicator> make_self();

/// What a recording communicator saw.
struct Recorded {
    std::string operation;
    std::uint64_t bytes = 0;
};
/// Wraps another communicator and appends to log.
std::unique_ptr<Communicator> make_recording(Communicator& inner, std::vector<Recorded>& log);

/// Runs a rank's main: on an exception writes one line to stderr ("rank R of N on HOST: <message>") or, where
/// VTVC_CAUSE_DIR is set, the file rank-R.json there, which the launcher prints; then ends the whole job
/// within seconds (MPI_Abort with the exit code: 2 for ConfigError, 1 otherwise; a world of one returns the
/// code). Returns body's code when all went well; ranks must agree on it.
int run_rank(World& world, int (*body)(Communicator&, int argc, char** argv), int argc, char** argv);

/// A share of [0, total) for a rank: contiguous, sizes differ by at most one.
struct Share {
    std::int64_t first = 0, count = 0;
};
Share share_of(std::int64_t total, int rank, int size);

}  // namespace vtvc
