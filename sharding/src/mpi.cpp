// Ranks in CPU memory over MPI: every call checked, watched by the watchdog, cut where counts exceed int.
// Sums: for one number of ranks Open MPI's algorithms combine in an order fixed by ranks and length, never by
// time of arrival, and hand everyone the same result; tests/sharding checks both bit for bit.
#include "mpi.hpp"

#include <cstdlib>
#include <filesystem>

#include "cause.hpp"
#include "vtvc/core/error.hpp"
#include "watchdog.hpp"

namespace vtvc {
namespace {

constexpr std::size_t most_elements = 1U << 30;

template <class T>
MPI_Datatype type_of();
template <>
MPI_Datatype type_of<float>() {
    return MPI_FLOAT;
}
template <>
MPI_Datatype type_of<double>() {
    return MPI_DOUBLE;
}
template <>
MPI_Datatype type_of<std::int64_t>() {
    return MPI_INT64_T;
}

MPI_Op op_of(Reduce how) {
    switch (how) {
        case Reduce::max:
            return MPI_MAX;
        case Reduce::min:
            return MPI_MIN;
        case Reduce::sum:
            break;
    }
    return MPI_SUM;
}

/// Initialised MPI and a communicator of our own, on which errors come back as codes.
class Session {
  public:
    Session(int& argc, char**& argv) {
        // A rank that waits gives its core away: without it 8 ranks on 2 cores take 64 ms for a kilobyte.
        ::setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
        int provided = 0;
        VTVC_MPI(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided));
        VTVC_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));  // inherited by duplicates
        if (provided < MPI_THREAD_MULTIPLE)
            fail<MpiError>("this MPI gives thread level {} (the watchdog needs MPI_THREAD_MULTIPLE, {})",
                           provided, MPI_THREAD_MULTIPLE);
        VTVC_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &ranks));
        set_abort([](int code) { MPI_Abort(MPI_COMM_WORLD, code); });
    }
    MPI_Comm ranks = MPI_COMM_NULL;
};

class MpiCommunicator final : public Communicator {
  public:
    MpiCommunicator(int& argc, char**& argv) : session_(argc, argv), watchdog_(session_.ranks) {
        VTVC_MPI(MPI_Comm_rank(session_.ranks, &rank_));
        VTVC_MPI(MPI_Comm_size(session_.ranks, &size_));
    }
    /// Waits for all ranks, as MPI_Finalize does. A failure here ends the job: a destructor cannot throw.
    ~MpiCommunicator() override {
        const Watchdog::InCollective watched(watchdog_, Operation::finalize, 0);
        try {
            // Not in MPI_Finalize: mpirun 4.1 crashes or hangs in one of ten jobs that end while some rank
            // waits there.
            VTVC_MPI(MPI_Barrier(session_.ranks));
            VTVC_MPI(MPI_Comm_free(&session_.ranks));
            VTVC_MPI(MPI_Finalize());
        } catch (const std::exception& error) {
            record_cause(CauseKind::error, rank_, 1, error.what());
            end_job(1);
        }
        set_abort(nullptr);
    }
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    void all_reduce(std::span<float> values, Reduce how) override { reduce(values, how); }
    void all_reduce(std::span<double> values, Reduce how) override { reduce(values, how); }
    void all_reduce(std::span<std::int64_t> values, Reduce how) override { reduce(values, how); }

    void broadcast(std::span<std::byte> bytes, int root) override {
        const Watchdog::InCollective watched(watchdog_, Operation::broadcast, bytes.size());
        in_pieces(bytes.size(), most_elements, [&](std::size_t first, std::size_t count) {
            VTVC_MPI(
                MPI_Bcast(bytes.data() + first, static_cast<int>(count), MPI_BYTE, root, session_.ranks));
        });
    }

    std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine) override;

    void barrier() override {
        const Watchdog::InCollective watched(watchdog_, Operation::barrier, 0);
        VTVC_MPI(MPI_Barrier(session_.ranks));
    }

  private:
    template <class T>
    void reduce(std::span<T> values, Reduce how) {
        const Watchdog::InCollective watched(watchdog_, Operation::all_reduce, values.size_bytes());
        in_pieces(values.size(), most_elements, [&](std::size_t first, std::size_t count) {
            VTVC_MPI(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, static_cast<int>(count), type_of<T>(),
                                   op_of(how), session_.ranks));
        });
    }

    Session session_;
    Watchdog watchdog_;
    int rank_ = 0, size_ = 1;
};

std::vector<std::vector<std::byte>> MpiCommunicator::all_gather(std::span<const std::byte> mine) {
    const Watchdog::InCollective watched(watchdog_, Operation::all_gather, mine.size());
    const auto ranks = static_cast<std::size_t>(size_);
    const std::uint64_t own_length = mine.size();
    std::vector<std::uint64_t> lengths(ranks);
    VTVC_MPI(MPI_Allgather(&own_length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, session_.ranks));

    std::vector<std::vector<std::byte>> all(ranks);
    for (std::size_t r = 0; r < ranks; ++r) all[r].resize(lengths[r]);
    // Rounds, so that all pieces of one together stay within int.
    const auto most = most_elements / ranks;
    std::vector<int> counts(ranks), places(ranks);
    std::vector<std::byte> round;
    in_pieces(*std::max_element(lengths.begin(), lengths.end()), most, [&](std::size_t first, std::size_t) {
        int total = 0;
        for (std::size_t r = 0; r < ranks; ++r) {
            counts[r] = lengths[r] > first ? static_cast<int>(std::min(most, lengths[r] - first)) : 0;
            places[r] = std::exchange(total, total + counts[r]);
        }
        round.resize(static_cast<std::size_t>(total));
        const auto own_first = std::min(first, mine.size());
        VTVC_MPI(MPI_Allgatherv(mine.data() + own_first, counts[static_cast<std::size_t>(rank_)], MPI_BYTE,
                                round.data(), counts.data(), places.data(), MPI_BYTE, session_.ranks));
        for (std::size_t r = 0; r < ranks; ++r)
            std::copy_n(round.begin() + places[r], counts[r],
                        all[r].begin() + static_cast<std::ptrdiff_t>(first));
    });
    return all;
}

}  // namespace

void check_mpi(int code, const char* call, const char* file, int line) {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "MPI is not running";
    int length = 0, initialized = 0, finalized = 0;
    const bool known =
        MPI_Initialized(&initialized) == MPI_SUCCESS && MPI_Finalized(&finalized) == MPI_SUCCESS;
    if (known && initialized && !finalized) MPI_Error_string(code, text, &length);
    fail<MpiError>("{}: {}, at {}:{}", call, text, std::filesystem::path(file).filename().string(), line);
}

std::unique_ptr<Communicator> make_mpi(int& argc, char**& argv) {
    return std::make_unique<MpiCommunicator>(argc, argv);
}

}  // namespace vtvc
