#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {

constexpr rlim_t kMemoryBytes = rlim_t{2} << 30;
constexpr rlim_t kProcessorSeconds = 60;
constexpr std::chrono::seconds kPatience{120};
constexpr std::size_t kLargestAnswer = std::size_t{1} << 30;
constexpr char kDone = 'D', kRefused = 'R';  // how an answer ends

void limit(int what, rlim_t value) {
    const rlimit both{value, value};
    (void)::setrlimit(static_cast<decltype(RLIMIT_CPU)>(what), &both);  // where it fails, the others hold
}

/// Sanitizers reserve terabytes of addresses: no limit on memory under them.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;  // the parent's memory is ours too
    limit(RLIMIT_AS, pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMemoryBytes);
#endif
}

[[noreturn]] void work_and_end(int out, const std::string& about, const std::function<std::string()>& work) {
    for (const int signal : {SIGINT, SIGTERM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGCHLD})
        (void)std::signal(signal, SIG_DFL);
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0) (void)::dup2(nowhere, STDERR_FILENO), (void)::dup2(nowhere, STDOUT_FILENO);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, kProcessorSeconds);
    limit_memory();
    std::string answer;
    try {
        answer = work() + kDone;
    } catch (const StorageError& error) {
        answer = std::string(error.what()) + kRefused;
    } catch (const std::exception& error) {
        answer = about + ": cannot be looked into (" + error.what() + "); was it damaged?" + kRefused;
    }
    for (std::size_t at = 0; at < answer.size();) {
        const auto put = ::write(out, answer.data() + at, answer.size() - at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) ::_exit(1);
        at += static_cast<std::size_t>(put);
    }
    ::_exit(0);  // no destructors: they are the parent's
}

/// All that comes until the pipe closes; false when the patience ends first or too much comes.
bool receive(int from, std::string& answer) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string buffer(1 << 16, '\0');
    while (answer.size() <= kLargestAnswer) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{from, POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&waiting, 1, static_cast<int>(left.count())) : 0;
        if (ready == 0) return false;
        if (ready < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        const auto got = ::read(from, buffer.data(), buffer.size());
        if (got == 0) return true;
        if (got < 0 && errno != EINTR) return false;
        if (got > 0) answer.append(buffer, 0, static_cast<std::size_t>(got));
    }
    return false;
}

}  // namespace

std::string in_limited_child(const std::string& about, const std::function<std::string()>& work) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        const int code = errno;
        fail<StorageError>("{}: cannot make a pipe to the process that looks into it ({})", about,
                           std::strerror(code));
    }
    const pid_t child = ::fork();
    if (child == 0) work_and_end(ends[1], about, work);
    const int code = errno;
    ::close(ends[1]);
    if (child < 0) {
        ::close(ends[0]);
        fail<StorageError>("{}: cannot start a process to look into it ({})", about, std::strerror(code));
    }
    std::string answer;
    const bool ended = receive(ends[0], answer);
    ::close(ends[0]);
    if (!ended) (void)::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const char last = answer.empty() ? '\0' : answer.back();
    if (ended && last == kDone) {
        answer.pop_back();
        return answer;
    }
    if (ended && last == kRefused) {
        answer.pop_back();
        throw StorageError(answer);
    }
    const auto how = !ended                ? std::string("did not end")
                     : WIFSIGNALED(status) ? fmt::format("ended by signal {}", WTERMSIG(status))
                                           : fmt::format("ended with code {}", WEXITSTATUS(status));
    fail<StorageError>(
        "{}: the process that looked into it with the HDF5 library {} (it is damaged, or made to deceive); "
        "make or "
        "copy it again",
        about, how);
}

}  // namespace vtvc
