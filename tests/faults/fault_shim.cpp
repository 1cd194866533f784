// Preloaded into a program, makes one of its system calls on files of one folder fail, or the program die
// there. VTVC_FAULT_FOLDER: whose files are meant. VTVC_FAULT_AT: which call, counted from 1; 0: none.
// VTVC_FAULT_HOW: an errno, "short" (half of a write, then ENOSPC), or "kill", "kill-half", "kill-after"
// (SIGKILL before, in the middle of, after the call). VTVC_FAULT_COUNT: a file that takes the number of
// calls.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <class F>
F* real(const char* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

const char* setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool meant(const char* path) {
    const char* folder = setting("VTVC_FAULT_FOLDER");
    return *folder != '\0' && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool meant(int descriptor) {
    char link[64], path[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const auto length = ::readlink(link, path, sizeof path - 1);
    if (length < 0) return false;
    path[length] = '\0';
    return meant(path);
}

std::atomic<long> calls{0};

/// Counts a call; whether it is the one.
bool struck() { return ++calls == std::atol(setting("VTVC_FAULT_AT")); }
bool asked(const char* how) { return std::strcmp(setting("VTVC_FAULT_HOW"), how) == 0; }

/// What happens to a call that is not a write: it fails, or the program ends before or after it.
template <class Call>
auto strike(Call call) {
    if (asked("kill") || asked("kill-half")) ::kill(::getpid(), SIGKILL);
    if (asked("kill-after")) {
        call();
        ::kill(::getpid(), SIGKILL);
    }
    const int code = std::atoi(setting("VTVC_FAULT_HOW"));
    errno = code == 0 ? ENOSPC : code;
    return static_cast<decltype(call())>(-1);
}

/// The same of a write: half of it may reach the file.
template <class Call>
ssize_t strike_write(std::size_t bytes, Call put) {
    if (asked("short") || asked("kill-half")) (void)put(bytes / 2);
    return strike([&] { return put(bytes); });
}

struct Report {
    ~Report() {
        const char* path = setting("VTVC_FAULT_COUNT");
        if (*path == '\0') return;
        if (std::FILE* file = std::fopen(path, "w")) {
            std::fprintf(file, "%ld\n", calls.load());
            std::fclose(file);
        }
    }
} const report;

int open_any(const char* name, const char* path, int flags, mode_t mode) {
    const auto call = [&] { return real<int(const char*, int, ...)>(name)(path, flags, mode); };
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    return writes && meant(path) && struck() ? strike(call) : call();
}

mode_t mode_of(int flags, va_list list) { return (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_any("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_any("open64", path, flags, mode);
}

ssize_t write(int file, const void* bytes, size_t count) {
    const auto put = [&](size_t part) {
        return real<ssize_t(int, const void*, size_t)>("write")(file, bytes, part);
    };
    return meant(file) && struck() ? strike_write(count, put) : put(count);
}

ssize_t writev(int file, const iovec* parts, int count) {
    const auto call = [&] { return real<ssize_t(int, const iovec*, int)>("writev")(file, parts, count); };
    return meant(file) && struck() ? strike(call) : call();
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
    const auto put = [&](size_t part) {
        return real<ssize_t(int, const void*, size_t, off_t)>("pwrite")(file, bytes, part, at);
    };
    return meant(file) && struck() ? strike_write(count, put) : put(count);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
    const auto put = [&](size_t part) {
        return real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64")(file, bytes, part, at);
    };
    return meant(file) && struck() ? strike_write(count, put) : put(count);
}

int fsync(int file) {
    const auto call = [&] { return real<int(int)>("fsync")(file); };
    return meant(file) && struck() ? strike(call) : call();
}

int ftruncate(int file, off_t size) {
    const auto call = [&] { return real<int(int, off_t)>("ftruncate")(file, size); };
    return meant(file) && struck() ? strike(call) : call();
}

int ftruncate64(int file, off64_t size) {
    const auto call = [&] { return real<int(int, off64_t)>("ftruncate64")(file, size); };
    return meant(file) && struck() ? strike(call) : call();
}

int rename(const char* from, const char* to) {
    const auto call = [&] { return real<int(const char*, const char*)>("rename")(from, to); };
    return meant(to) && struck() ? strike(call) : call();
}

int close(int file) {
    const auto call = [&] { return real<int(int)>("close")(file); };
    if (!meant(file) || !struck()) return call();
    if (!asked("kill-after")) call();  // a close that fails has closed all the same
    return strike(call);
}

}  // extern "C"
