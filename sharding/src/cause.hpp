#pragma once
// How a rank says why it ends, and ends: one line for a person, one file for the launcher. Everything here
// also works inside a signal handler: no allocation, no lock, no stdio.
#include <atomic>
#include <cstdint>
#include <string_view>

namespace vtvc {

/// What happened to the rank that a cause is about. The names stand in cause files.
enum class CauseKind { error, crash, gone, stopped, stuck };

/// Who speaks. The reporter is shared by the ranks of a host (0: nobody has spoken yet), so that one person
/// reads one line although every rank notices; without one this process decides alone.
struct Identity {
    int rank = 0, size = 1;
    std::atomic<int>* reporter = nullptr;
};

/// Reads host name and VTVC_CAUSE_DIR; called before there can be a cause.
void identify(const Identity& who);

/// Records why the job ends, once a process; later calls do nothing. With VTVC_CAUSE_DIR the record is the
/// file rank-R.json there and the launcher prints it; otherwise "rank S of N on HOST: text" goes to stderr,
/// unless another rank of this host has spoken. subject: the rank that the cause is about, code: the exit
/// code due.
void record_cause(CauseKind kind, int subject, int code, std::string_view text) noexcept;

/// SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT record a cause and then have their usual effect. Signals that
/// already have a handler (sanitizers) keep it. An exception nobody catches, on any thread, records its text.
void install_crash_handlers();

/// Tells end_job that MPI_Abort can be called; nullptr: no longer.
using Abort = void (*)(int code);
void set_abort(Abort abort) noexcept;

/// Ends the whole job now with this exit code: no destructors, no collective clean-up, at most a second.
[[noreturn]] void end_job(int code) noexcept;

/// Says in VTVC_CAUSE_DIR, if set, that the ranks may be sent SIGUSR2.
void mark_ready() noexcept;

}  // namespace vtvc
