#pragma once
// Notices ranks that MPI does not notice: stopped, killed, stuck, gone ahead to the end, or in another
// collective than the rest. Each rank has a slot in memory shared by the ranks of its host; a thread in each
// beats in its own and reads the others'. What it finds it records as the cause, and ends the job.
#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace vtvc {

enum class Operation : int { none, all_reduce, broadcast, all_gather, barrier, finalize };

class Watchdog {
  public:
    /// Collective over ranks. VTVC_COLLECTIVE_TIMEOUT_S limits how long a collective may last (default 600).
    explicit Watchdog(MPI_Comm ranks);
    /// From here on this rank may disappear.
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// Around each collective; costs a few stores. bytes: what this rank gives.
    class InCollective {
      public:
        InCollective(Watchdog& watchdog, Operation operation, std::uint64_t bytes);
        ~InCollective();
        InCollective(const InCollective&) = delete;
        InCollective& operator=(const InCollective&) = delete;

      private:
        Watchdog& watchdog_;
    };

  private:
    struct Slot;
    /// What a slot said at one moment.
    struct View {
        Operation operation = Operation::none;
        std::uint64_t entered = 0, bytes = 0;
        bool inside = false;
    };
    /// What this rank remembers of another.
    struct Peer {
        std::uint64_t beat = 0;
        double beat_at = 0;  ///< seconds awake
        int missed = 0;      ///< looks in a row that found no process
    };

    Slot& mine() const;
    View view(int node_rank) const;
    std::string activity(int node_rank) const;
    std::string in_words(const View& view) const;
    bool sleep_a_beat() const;
    void watch();
    void look_at_peers(double awake);
    void look_at_own_collective(double awake);
    std::string laggards(const View& own) const;

    double timeout_s_ = 0;
    int node_rank_ = 0;
    std::vector<int> ranks_;  ///< world rank by node rank
    Slot* slots_ = nullptr;
    std::vector<Peer> peers_;
    std::uint64_t watched_ = 0;  ///< number of the own collective that lasts
    double watched_since_ = 0;
    int stop_event_ = -1;
    std::thread thread_;
};

}  // namespace vtvc
