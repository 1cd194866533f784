#include "cause.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

/// Text in a fixed buffer; what does not fit is cut.
template <std::size_t N>
class Text {
  public:
    Text& add(std::string_view text) {
        const auto count = std::min(text.size(), N - length_);
        std::memcpy(bytes_.data() + length_, text.data(), count);
        length_ += count;
        return *this;
    }
    Text& add(long long number) {
        std::array<char, 24> digits{};
        auto place = digits.size();
        auto rest = static_cast<unsigned long long>(number < 0 ? -number : number);
        do digits[--place] = static_cast<char>('0' + rest % 10);
        while (rest /= 10);
        if (number < 0) digits[--place] = '-';
        return add({digits.data() + place, digits.size() - place});
    }
    /// As the inside of a JSON string.
    Text& add_escaped(std::string_view text) {
        for (const char c : text) {
            const char both[] = {'\\', c};
            if (c == '\n')
                add("\\n");
            else if (c == '"' || c == '\\')
                add({both, 2});
            else
                add({static_cast<unsigned char>(c) < 0x20 ? " " : &c, 1});
        }
        return *this;
    }
    std::string_view view() const { return {bytes_.data(), length_}; }
    const char* c_str() {
        bytes_[std::min(length_, N - 1)] = 0;
        return bytes_.data();
    }

  private:
    std::array<char, N> bytes_{};
    std::size_t length_ = 0;
};

constexpr std::size_t text_limit = 8192;

Identity me;
std::array<char, 256> host{};
std::array<char, PATH_MAX> cause_folder{};
std::atomic<int> own_reporter{0};
std::atomic_flag recorded;
std::atomic<Abort> abort_job{nullptr};
std::atomic<int> late_code{1};

bool write_all(int file, std::string_view text) noexcept {
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// Whole under its final name or absent.
bool write_file(const char* path, const char* temporary, std::string_view text) noexcept {
    const int file = ::open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return false;
    const bool whole = write_all(file, text);
    return ::close(file) == 0 && whole && std::rename(temporary, path) == 0;
}

bool write_cause_file(CauseKind kind, int subject, int code, std::string_view line) noexcept {
    constexpr std::array<std::string_view, 5> names{"error", "crash", "gone", "stopped", "stuck"};
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    Text<2 * text_limit> json;
    json.add(R"({"schema":1,"rank":)").add(subject).add(R"(,"ranks":)").add(me.size);
    json.add(R"(,"seen_by":)").add(me.rank).add(R"(,"host":")").add_escaped(host.data());
    json.add(R"(","kind":")").add(names[static_cast<std::size_t>(kind)]).add(R"(","code":)").add(code);
    json.add(R"(,"time_ns":)").add(now.tv_sec * 1'000'000'000LL + now.tv_nsec);
    json.add(R"(,"message":")").add_escaped(line).add("\"}\n");
    Text<PATH_MAX + 64> path, temporary;
    path.add(cause_folder.data()).add("/rank-").add(me.rank).add(".json");
    temporary.add(path.view()).add(".part");
    return write_file(path.c_str(), temporary.c_str(), json.view());
}

std::string_view signal_name(int signal) {
    switch (signal) {
        case SIGSEGV:
            return "segmentation fault";
        case SIGBUS:
            return "bus error";
        case SIGFPE:
            return "arithmetic error";
        case SIGILL:
            return "illegal instruction";
        default:
            return "aborted";
    }
}

void on_crash(int signal) {
    Text<128> text;
    text.add("ended by signal ").add(signal).add(" (").add(signal_name(signal)).add(")");
    record_cause(CauseKind::crash, me.rank, 128 + signal, text.view());
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void on_late(int) { ::_exit(late_code.load()); }

[[noreturn]] void on_terminate() {
    int code = 1;
    try {
        if (const auto error = std::current_exception()) std::rethrow_exception(error);
        record_cause(CauseKind::error, me.rank, code, "the program called std::terminate");
    } catch (const ConfigError& error) {
        record_cause(CauseKind::error, me.rank, code = 2, error.what());
    } catch (const std::exception& error) {
        record_cause(CauseKind::error, me.rank, code, error.what());
    } catch (...) {
        record_cause(CauseKind::error, me.rank, code, "an exception of unknown type");
    }
    end_job(code);
}

}  // namespace

void identify(const Identity& who) {
    me = who;
    if (gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "unknown host");
    if (const char* folder = std::getenv("VTVC_CAUSE_DIR"); folder && std::strlen(folder) < PATH_MAX)
        std::strcpy(cause_folder.data(), folder);
}

void record_cause(CauseKind kind, int subject, int code, std::string_view text) noexcept {
    if (recorded.test_and_set()) return;
    int nobody = 0;
    auto& reporter = me.reporter ? *me.reporter : own_reporter;
    const bool first = reporter.compare_exchange_strong(nobody, me.rank + 1);
    Text<text_limit> line;
    line.add("rank ").add(subject).add(" of ").add(me.size).add(" on ").add(host.data()).add(": ");
    line.add(text.substr(0, text_limit - line.view().size() - 1));  // room for the newline
    if (cause_folder[0] != 0 && write_cause_file(kind, subject, code, line.view())) return;
    if (first) write_all(STDERR_FILENO, line.add("\n").view());
}

void install_crash_handlers() {
    std::set_terminate(on_terminate);
    static std::array<std::byte, 64 * 1024> stack;  // a stack overflow leaves no room on the usual one
    const stack_t alternative{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
    sigaltstack(&alternative, nullptr);
    struct sigaction ours {};
    ours.sa_handler = on_crash;
    ours.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction before {};
        if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(signal, &ours, nullptr);
    }
}

void set_abort(Abort abort) noexcept { abort_job = abort; }

void end_job(int code) noexcept {
    // Flushing and MPI_Abort may both block in a broken process; the alarm ends it regardless.
    late_code = code;
    std::signal(SIGALRM, on_late);
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
    ::alarm(1);
    std::fflush(nullptr);
    if (const auto abort = abort_job.load()) abort(code);
    ::_exit(code);
}

void mark_ready() noexcept {
    if (cause_folder[0] == 0) return;
    Text<PATH_MAX + 64> path, temporary;
    path.add(cause_folder.data()).add("/ready");
    temporary.add(path.view()).add(".part");
    write_file(path.c_str(), temporary.c_str(), "");
}

}  // namespace vtvc
