#include "supervise.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "vtvc/core/error.hpp"
#include "vtvc/core/progress.hpp"

namespace vtvc {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds last_grace{5};  ///< from TERM to KILL; mpirun needs 2 for its ranks

constexpr std::array handled{SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGTSTP, SIGCHLD};

/// Blocks the signals we wait for, for the time of its life. Those that we were started to ignore (nohup, a
/// script's background job) stay ignored.
class SignalsHeld {
  public:
    SignalsHeld() {
        std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take the exit codes away
        sigemptyset(&held_);
        for (const int signal : handled) {
            struct sigaction now {};
            if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
                sigaddset(&held_, signal);
        }
        sigprocmask(SIG_BLOCK, &held_, &before_);
    }
    ~SignalsHeld() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    const sigset_t& before() const { return before_; }
    /// A signal, or 0 after at most a tenth of a second.
    int next() const {
        const timespec tick{.tv_sec = 0, .tv_nsec = 100'000'000};
        const int signal = ::sigtimedwait(&held_, nullptr, &tick);
        return signal > 0 ? signal : 0;
    }

  private:
    sigset_t held_{}, before_{};
};

/// What exec needs, made before fork: after it only system calls are safe.
struct Prepared {
    std::vector<std::string> words, variables;
    std::vector<char*> argv, envp;
};

bool forgotten(const Launch& launch, std::string_view variable) {
    for (const auto& prefix : launch.forget)
        if (variable.starts_with(prefix)) return true;
    return false;
}

Prepared prepare(const Launch& launch) {
    auto all = launch.defaults;
    for (char** entry = environ; *entry; ++entry) {
        const std::string variable = *entry;
        const auto equals = variable.find('=');
        if (!forgotten(launch, variable)) all[variable.substr(0, equals)] = variable.substr(equals + 1);
    }
    for (const auto& [name, value] : launch.environment) all[name] = value;

    Prepared prepared{.words = launch.command, .variables = {}, .argv = {}, .envp = {}};
    for (const auto& [name, value] : all) prepared.variables.push_back(fmt::format("{}={}", name, value));
    for (auto& word : prepared.words) prepared.argv.push_back(word.data());
    for (auto& variable : prepared.variables) prepared.envp.push_back(variable.data());
    prepared.argv.push_back(nullptr);
    prepared.envp.push_back(nullptr);
    return prepared;
}

[[noreturn]] void become(const Launch& launch, Prepared& prepared, const sigset_t& signals) {
    ::setpgid(0, 0);  // a terminal's Ctrl-C reaches us only, and a signal to the group reaches all of it
    if (launch.signal_if_orphaned != 0) ::prctl(PR_SET_PDEATHSIG, launch.signal_if_orphaned);
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);  // a background group may not read the terminal
    if (!launch.output.empty()) {
        const int file = ::open(launch.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(file, STDOUT_FILENO);
        ::dup2(file, STDERR_FILENO);
    }
    ::execvpe(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
    const int code = errno == ENOENT ? 127 : 126;
    fmt::print(stderr, "vtvc: cannot start {}: {}\n", launch.command[0], std::strerror(errno));
    ::_exit(code);
}

class Supervision {
  public:
    Supervision(const Launch& launch, pid_t child) : launch_(launch), child_(child) {}

    Ending run(const SignalsHeld& signals) {
        for (;;) {
            if (const int signal = signals.next(); signal != 0 && signal != SIGCHLD) on(signal);
            int status = 0;
            if (::waitpid(child_, &status, WNOHANG) == child_) return ending(status);
            if (usr2_waits_ && is_ready()) pass_usr2();
            if (stage_ < Stage::told && lifeline_is_cut()) {
                signal_ = SIGHUP;
                stage_ = Stage::asked;  // nobody is left who would wait for a checkpoint
                harder();
            }
            if (deadline_ && Clock::now() > *deadline_) harder();
        }
    }

  private:
    enum class Stage { running, asked, told, killed };

    bool is_ready() const { return std::filesystem::exists(launch_.ready); }

    bool lifeline_is_cut() const {
        if (launch_.lifeline < 0) return false;
        pollfd pipe{.fd = launch_.lifeline, .events = 0, .revents = 0};
        return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    }

    void pass_usr2() {
        usr2_waits_ = false;
        ::kill(child_, SIGUSR2);
    }

    void on(int signal) {
        if (signal == SIGUSR2) {
            usr2_waits_ = true;
        } else if (signal == SIGTSTP) {
            ::kill(child_, SIGTSTP);
            ::raise(SIGSTOP);
            ::kill(child_, SIGCONT);  // here again: somebody continued us
        } else {
            if (signal_ == 0) signal_ = signal;
            harder();
        }
    }

    void harder() {
        if (stage_ == Stage::running && is_ready()) {
            stage_ = Stage::asked;
            deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(launch_.grace);
            say(fmt::format(
                "asked the job to write a checkpoint and stop, within {:g} s (once more: stop now)",
                launch_.grace.count()));
            pass_usr2();
        } else if (stage_ == Stage::running || stage_ == Stage::asked) {
            stage_ = Stage::told;
            deadline_ = Clock::now() + last_grace;
            ::kill(child_, SIGTERM);
        } else {
            stage_ = Stage::killed;
            deadline_.reset();
            ::kill(-child_, SIGKILL);
        }
    }

    Ending ending(int status) const {
        const bool forced = stage_ == Stage::told || stage_ == Stage::killed;
        return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                .signal = forced ? signal_ : 0};
    }

    const Launch& launch_;
    pid_t child_;
    Stage stage_ = Stage::running;
    int signal_ = 0;  ///< the first by which somebody wants an end
    bool usr2_waits_ = false;
    std::optional<Clock::time_point> deadline_;
};

}  // namespace

Ending supervise(const Launch& launch) {
    auto prepared = prepare(launch);
    if (launch.lifeline >= 0) ::fcntl(launch.lifeline, F_SETFD, FD_CLOEXEC);  // ours, not the job's
    const SignalsHeld signals;
    const pid_t child = ::fork();
    if (child < 0) fail<Error>("cannot start a process: {}", std::strerror(errno));
    if (child == 0) become(launch, prepared, signals.before());
    ::setpgid(child, child);  // both sides do: whichever comes first
    return Supervision(launch, child).run(signals);
}

}  // namespace vtvc
