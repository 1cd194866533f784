#include "watchdog.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cause.hpp"
#include "mpi.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/process.hpp"

namespace vtvc {
namespace {

constexpr int beat_ms = 100;
constexpr double silence_s = 2;        ///< largest gap seen on an overloaded machine: 0.27 s
constexpr double long_silence_s = 20;  ///< for a process that is neither stopped nor gone (swapping, say)
/// A longer gap between two own beats means that this process was away, perhaps the whole job with it: time
/// away is not held against anybody.
constexpr double away_s = silence_s / 4;
constexpr double mismatch_s = 1;
constexpr double last_words_s = 3;  ///< mpirun ends a job with a dead rank 1 to 2 s after the death

constexpr std::array<const char*, 6> operation_names{"nothing",    "all_reduce", "broadcast",
                                                     "all_gather", "barrier",    "finalize"};

/// Process ids mean the same to two ranks only inside one pid namespace.
int pid_namespace() {
    struct stat about {};
    return ::stat("/proc/self/ns/pid", &about) == 0 ? static_cast<int>(about.st_ino & 0x7fffffff) : 0;
}

double collective_timeout_s() {
    const char* text = std::getenv("VTVC_COLLECTIVE_TIMEOUT_S");
    if (!text) return 600;
    double seconds = 0;
    const char* end = text + std::strlen(text);
    if (const auto [stop, error] = std::from_chars(text, end, seconds);
        error != std::errc() || stop != end || !(seconds > 0))
        fail<ConfigError>(
            "VTVC_COLLECTIVE_TIMEOUT_S is '{}' (it limits how long ranks wait for each other); "
            "give a positive number of seconds",
            text);
    return seconds;
}

[[noreturn]] void fail_shared(const char* what) {
    fail<MpiError>("cannot share memory between the ranks of this host (the watchdog needs it): {}: {}", what,
                   std::strerror(errno));
}

}  // namespace

/// A cache line a rank. Only its own rank writes.
struct alignas(64) Watchdog::Slot {
    std::atomic<std::uint64_t> beat;
    std::atomic<std::uint64_t> entered, left;  ///< collectives begun and ended
    std::atomic<std::uint64_t> bytes;
    std::atomic<int> operation;
    std::atomic<int> pid;
    std::atomic<int> finished;
};

Watchdog::Watchdog(MPI_Comm ranks) {
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
    int rank = 0, size = 0, node_size = 0;
    MPI_Comm host = MPI_COMM_NULL, node = MPI_COMM_NULL;
    VTVC_MPI(MPI_Comm_rank(ranks, &rank));
    VTVC_MPI(MPI_Comm_size(ranks, &size));
    VTVC_MPI(MPI_Comm_split_type(ranks, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host));
    VTVC_MPI(MPI_Comm_split(host, pid_namespace(), rank, &node));
    VTVC_MPI(MPI_Comm_rank(node, &node_rank_));
    VTVC_MPI(MPI_Comm_size(node, &node_size));
    ranks_.resize(static_cast<std::size_t>(node_size));
    VTVC_MPI(MPI_Allgather(&rank, 1, MPI_INT, ranks_.data(), 1, MPI_INT, node));
    peers_.resize(ranks_.size());

    // An anonymous file, opened by the others through /proc: whatever dies when, nothing is left in /dev/shm.
    // Zeros are a valid start of every field. The first slot's place holds the reporter.
    const auto bytes = (1 + ranks_.size()) * sizeof(Slot);
    std::array<int, 2> place{};
    if (node_rank_ == 0) {
        place = {static_cast<int>(::getpid()), ::memfd_create("vtvc-watchdog", MFD_CLOEXEC)};
        if (place[1] < 0 || ::ftruncate(place[1], static_cast<off_t>(bytes)) != 0)
            fail_shared("memfd_create");
    }
    VTVC_MPI(MPI_Bcast(place.data(), 2, MPI_INT, 0, node));
    int file = place[1];
    if (node_rank_ != 0)
        file = ::open(fmt::format("/proc/{}/fd/{}", place[0], place[1]).c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) fail_shared("open");
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) fail_shared("mmap");
    slots_ = static_cast<Slot*>(memory) + 1;
    mine().pid = static_cast<int>(::getpid());
    identify({.rank = rank, .size = size, .reporter = static_cast<std::atomic<int>*>(memory)});
    VTVC_MPI(MPI_Barrier(node));
    ::close(file);
    VTVC_MPI(MPI_Comm_free(&node));
    VTVC_MPI(MPI_Comm_free(&host));

    timeout_s_ = collective_timeout_s();
    stop_event_ = ::eventfd(0, EFD_CLOEXEC);
    if (stop_event_ < 0) fail_shared("eventfd");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the main thread's business
    thread_ = std::thread([this] { watch(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watchdog::~Watchdog() {
    mine().finished = 1;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_event_, &one, sizeof one);
    thread_.join();
    ::close(stop_event_);
    // The slots stay mapped: a crash after this point still asks the reporter.
}

Watchdog::InCollective::InCollective(Watchdog& watchdog, Operation operation, std::uint64_t bytes)
    : watchdog_(watchdog) {
    auto& slot = watchdog.mine();
    slot.operation.store(static_cast<int>(operation), std::memory_order_relaxed);
    slot.bytes.store(bytes, std::memory_order_relaxed);
    slot.entered.fetch_add(1, std::memory_order_release);
}

Watchdog::InCollective::~InCollective() { watchdog_.mine().left.fetch_add(1, std::memory_order_release); }

Watchdog::Slot& Watchdog::mine() const { return slots_[node_rank_]; }

Watchdog::View Watchdog::view(int node_rank) const {
    const auto& slot = slots_[node_rank];
    View seen;
    const auto left = slot.left.load();
    seen.entered = slot.entered.load();
    seen.operation = static_cast<Operation>(slot.operation.load());
    seen.bytes = slot.bytes.load();
    seen.inside = seen.entered > left;
    return seen;
}

std::string Watchdog::in_words(const View& seen) const {
    const char* name = operation_names.at(static_cast<std::size_t>(seen.operation));
    if (seen.entered == 0) return "before its first collective";
    if (!seen.inside) return fmt::format("after {} number {}", name, seen.entered);
    return fmt::format("in {} number {} ({} bytes)", name, seen.entered, seen.bytes);
}

std::string Watchdog::activity(int node_rank) const { return in_words(view(node_rank)); }

bool Watchdog::sleep_a_beat() const {
    pollfd stop{.fd = stop_event_, .events = POLLIN, .revents = 0};
    return ::poll(&stop, 1, beat_ms) != 1;
}

void Watchdog::watch() {
    using Clock = std::chrono::steady_clock;
    double awake = 0;
    auto last = Clock::now();
    while (sleep_a_beat()) {
        const auto now = Clock::now();
        awake += std::min(std::chrono::duration<double>(now - last).count(), away_s);
        last = now;
        mine().beat.fetch_add(1);
        look_at_peers(awake);
        look_at_own_collective(awake);
    }
}

void Watchdog::look_at_peers(double awake) {
    for (int i = 0; i < static_cast<int>(peers_.size()); ++i) {
        const auto& slot = slots_[i];
        auto& peer = peers_[static_cast<std::size_t>(i)];
        if (i == node_rank_ || slot.finished != 0) continue;
        if (const auto beat = slot.beat.load(); beat != peer.beat) peer.beat = beat, peer.beat_at = awake;
        const double silent = awake - peer.beat_at;
        const int pid = slot.pid, rank = ranks_[static_cast<std::size_t>(i)];
        const char state = silent > silence_s ? process_state(pid) : 'R';
        // Twice: when a job is taken down from outside, all its processes go within one beat.
        const bool gone = state == 'Z' || state == 0 || (::kill(pid, 0) != 0 && errno == ESRCH);
        peer.missed = gone ? peer.missed + 1 : 0;
        if (peer.missed >= 2) {
            record_cause(CauseKind::gone, rank, 1,
                         fmt::format("its process {} was killed or ended early, {}", pid, activity(i)));
            // mpirun knows how the process ended and returns its code, if it is given the time.
            std::this_thread::sleep_for(std::chrono::duration<double>(last_words_s));
            end_job(1);
        }
        if (state == 'T' || silent > long_silence_s) {
            record_cause(CauseKind::stopped, rank, 1,
                         fmt::format("its process {} {} for {:.1f} s, {}", pid,
                                     state == 'T' ? "has been stopped" : "has not run", silent, activity(i)));
            end_job(1);
        }
    }
}

void Watchdog::look_at_own_collective(double awake) {
    const auto own = view(node_rank_);
    if (!own.inside || own.entered != watched_) {
        watched_ = own.entered;
        watched_since_ = awake;
        return;
    }
    const double lasted = awake - watched_since_;
    if (lasted > mismatch_s) {
        for (int i = 0; i < static_cast<int>(peers_.size()); ++i) {
            const auto other = view(i);
            const bool sizes_matter = own.operation != Operation::all_gather;
            if (!other.inside || other.entered != own.entered) continue;
            if (other.operation == own.operation && (other.bytes == own.bytes || !sizes_matter)) continue;
            record_cause(CauseKind::stuck, ranks_[static_cast<std::size_t>(node_rank_)], 1,
                         fmt::format("{} while rank {} is {}: the ranks have taken different ways",
                                     in_words(own), ranks_[static_cast<std::size_t>(i)], in_words(other)));
            end_job(1);
        }
    }
    if (lasted > timeout_s_) {
        record_cause(CauseKind::stuck, ranks_[static_cast<std::size_t>(node_rank_)], 1,
                     fmt::format("{} for {:.1f} s (VTVC_COLLECTIVE_TIMEOUT_S allows {:g}); {}", in_words(own),
                                 lasted, timeout_s_, laggards(own)));
        end_job(1);
    }
}

std::string Watchdog::laggards(const View& own) const {
    std::string text;
    for (int i = 0; i < static_cast<int>(ranks_.size()); ++i) {
        if (const auto other = view(i); other.entered < own.entered)
            text += fmt::format("{}rank {} is {}", text.empty() ? "" : ", ",
                                ranks_[static_cast<std::size_t>(i)], in_words(other));
    }
    return text.empty() ? "every rank of this host is in it" : text;
}

}  // namespace vtvc
