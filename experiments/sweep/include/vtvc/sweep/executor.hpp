#pragma once
// What carries runs out. The manager decides which run is started where; an executor starts it, says when it
// has ended, and stops it when asked.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace vtvc::sweep {

struct Order {
    std::size_t run = 0;
    std::string key;
    std::filesystem::path job, log, store, sweep;
    int ranks = 1;
    std::vector<int> cores, gpus;
    double grace_s = 30;
};
struct Ended {
    std::size_t run = 0;
    int code = 0;      ///< as a shell gives it
    std::string text;  ///< why, in a line; empty when it ended well
};

class Executor {
  public:
    virtual ~Executor() = default;
    /// Process id of what was started. Throws Error when nothing can be started at all.
    virtual std::int64_t start(const Order& order) = 0;
    /// Runs that have ended; waits up to the given time for one, or for a signal.
    virtual std::vector<Ended> wait(double seconds) = 0;
    enum class Stop { with_checkpoint, at_once };
    virtual void stop(std::size_t run, Stop how) = 0;
};

/// Runs as `vtvc run` on cores of this machine. They die with this process: each is killed when its parent
/// goes, and watches a pipe that only the parent holds open.
std::unique_ptr<Executor> local_executor(const std::filesystem::path& vtvc);

}  // namespace vtvc::sweep
