#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/sweep/executor.hpp"

namespace vtvc::sweep {
namespace {

/// A descriptor that is closed with its owner.
class Handle {
  public:
    explicit Handle(int file = -1) : file_(file) {}
    ~Handle() { reset(); }
    Handle(Handle&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
    Handle& operator=(Handle&& other) noexcept {
        if (this != &other) {
            reset();
            file_ = std::exchange(other.file_, -1);
        }
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    void reset() {
        if (file_ >= 0) ::close(file_);
        file_ = -1;
    }
    int get() const { return file_; }

  private:
    int file_;
};

std::pair<Handle, Handle> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail<Error>("cannot make a pipe ({})", std::strerror(errno));
    return {Handle(ends[0]), Handle(ends[1])};
}

std::string joined(const std::vector<int>& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

class LocalExecutor final : public Executor {
  public:
    explicit LocalExecutor(std::filesystem::path vtvc) : vtvc_(std::move(vtvc)) {
        std::tie(lifeline_, own_end_) = make_pipe();
        std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take the exit codes away
        sigemptyset(&child_);
        sigaddset(&child_, SIGCHLD);
        ::sigprocmask(SIG_BLOCK, &child_, &before_);
    }
    ~LocalExecutor() override {
        for (const auto& [pid, run] : running_) ::kill(pid, SIGKILL);
        for (const auto& [pid, run] : running_) ::waitpid(pid, nullptr, 0);
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    LocalExecutor(const LocalExecutor&) = delete;
    LocalExecutor& operator=(const LocalExecutor&) = delete;

    std::int64_t start(const Order& order) override {
        auto [out, into] = make_pipe();
        std::vector<std::string> words{vtvc_.string(),
                                       "run",
                                       order.job.string(),
                                       "-n",
                                       std::to_string(order.ranks),
                                       "--json",
                                       "--store",
                                       order.store.string(),
                                       "--log",
                                       order.log.string(),
                                       "--grace",
                                       fmt::format("{:g}", order.grace_s),
                                       "--lifeline",
                                       std::to_string(lifeline_number)};
        std::vector<std::string> variables{"VTVC_SWEEP=" + order.sweep.string(), "VTVC_RUN_KEY=" + order.key};
        if (!order.gpus.empty()) variables.push_back("CUDA_VISIBLE_DEVICES=" + joined(order.gpus));
        for (char** entry = environ; *entry; ++entry) {
            const std::string_view variable = *entry;
            const bool ours = variable.starts_with("VTVC_SWEEP=") || variable.starts_with("VTVC_RUN_KEY=") ||
                              (!order.gpus.empty() && variable.starts_with("CUDA_VISIBLE_DEVICES="));
            if (!ours) variables.emplace_back(variable);
        }
        const auto pointers = [](std::vector<std::string>& texts) {
            std::vector<char*> list;
            for (auto& text : texts) list.push_back(text.data());
            list.push_back(nullptr);
            return list;
        };
        // Made before fork: after it only system calls are safe.
        const auto argv = pointers(words), envp = pointers(variables);
        cpu_set_t cores;
        CPU_ZERO(&cores);
        for (const int core : order.cores) CPU_SET(static_cast<unsigned>(core), &cores);
        const pid_t parent = ::getpid(), child = ::fork();
        if (child < 0) fail<Error>("cannot start a process ({})", std::strerror(errno));
        if (child == 0) become(order, parent, into.get(), cores, argv, envp);
        Running running{order.run, std::move(out)};
        running_.emplace(child, std::move(running));
        pids_[order.run] = child;
        return child;
    }

    std::vector<Ended> wait(double seconds) override {
        std::vector<Ended> ended = reap();
        if (!ended.empty() || seconds <= 0) return ended;
        const timespec time{.tv_sec = static_cast<time_t>(seconds),
                            .tv_nsec = static_cast<long>(
                                (seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e9)};
        ::sigtimedwait(&child_, nullptr, &time);
        return reap();
    }

    void stop(std::size_t run, Stop how) override {
        const auto found = pids_.find(run);
        if (found != pids_.end()) ::kill(found->second, how == Stop::with_checkpoint ? SIGTERM : SIGKILL);
    }

  private:
    static constexpr int lifeline_number = 3;
    struct Running {
        std::size_t run;
        Handle out;
    };

    [[noreturn]] void become(const Order& order, pid_t parent, int out, const cpu_set_t& cores,
                             const std::vector<char*>& argv, const std::vector<char*>& envp) const {
        ::setpgid(0, 0);  // a terminal's Ctrl-C reaches the manager only
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);  // it went before we asked to be told
        if (!order.cores.empty()) ::sched_setaffinity(0, sizeof cores, &cores);
        ::dup2(out, STDOUT_FILENO);
        const int log = ::open(order.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(log, STDERR_FILENO);
        ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
        // dup2 onto the same number would leave it to be closed by exec.
        if (lifeline_.get() == lifeline_number) {
            ::fcntl(lifeline_number, F_SETFD, 0);
        } else {
            ::dup2(lifeline_.get(), lifeline_number);
        }
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(errno == ENOENT ? 127 : 126);
    }

    std::vector<Ended> reap() {
        std::vector<Ended> ended;
        for (auto at = running_.begin(); at != running_.end();) {
            int status = 0;
            if (::waitpid(at->first, &status, WNOHANG) != at->first) {
                ++at;
                continue;
            }
            const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            ended.push_back({at->second.run, code, reason(at->second.out.get(), code)});
            pids_.erase(at->second.run);
            at = running_.erase(at);
        }
        return ended;
    }

    /// The cause that `vtvc run --json` gives, else the code in words. The document is far smaller than a
    /// pipe.
    static std::string reason(int out, int code) {
        std::string text;
        std::array<char, 4096> buffer{};
        ::fcntl(out, F_SETFL, O_NONBLOCK);
        for (ssize_t count = 0; (count = ::read(out, buffer.data(), buffer.size())) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(count));
        if (code == 0 || code == 75) return "";
        const auto json = nlohmann::json::parse(text, nullptr, false);
        if (json.is_object() && json.contains("cause") && json["cause"].is_string()) return json["cause"];
        if (code > 128)
            return fmt::format("vtvc run was killed by signal {} ({})", code - 128, ::strsignal(code - 128));
        return fmt::format("vtvc run ended with code {} (its log says why)", code);
    }

    std::filesystem::path vtvc_;
    Handle lifeline_, own_end_;
    sigset_t child_{}, before_{};
    std::map<pid_t, Running> running_;
    std::map<std::size_t, pid_t> pids_;
};

}  // namespace

std::unique_ptr<Executor> local_executor(const std::filesystem::path& vtvc) {
    return std::make_unique<LocalExecutor>(vtvc);
}

}  // namespace vtvc::sweep
