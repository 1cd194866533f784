#include "mapped_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <utility>

namespace vtvc::h5 {

namespace {

constexpr std::uint64_t kSampled = 16;  // pages; the system reads at least as many at once

/// What this thread looks at; read by the handler, in the same thread.
struct Watched {
    std::uintptr_t begin = 0, end = 0;
    volatile std::sig_atomic_t lost = 0;
};
constinit thread_local Watched watched;

std::uintptr_t page_bytes() {
    static const auto bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

/// The handler that stood before ours, and how many mappings need ours.
struct Handler {
    std::mutex mutex;
    int users = 0;
    struct sigaction before {};
};
Handler handler;

/// Zeros take the place of what is lost, so that whoever looks can go on. Another's fault gets the handler
/// that it would have had: the instruction is tried again, and fails again.
void on_lost_page(int signal, siginfo_t* about, void*) {
    const auto at = reinterpret_cast<std::uintptr_t>(about->si_addr);
    if (at >= watched.begin && at < watched.end) {
        auto* const page = static_cast<std::byte*>(about->si_addr) - at % page_bytes();
        const auto begin = at / page_bytes() * page_bytes();
        // To the last whole page: the page after it may be another thread's, who has to see its own loss.
        const auto end = std::max(begin + page_bytes(), watched.end / page_bytes() * page_bytes());
        watched.lost = 1;
        if (::mmap(page, end - begin, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
            MAP_FAILED)
            return;
    }
    (void)::sigaction(signal, &handler.before, nullptr);
}

bool install() {
    const std::scoped_lock lock(handler.mutex);
    if (handler.users == 0) {
        (void)page_bytes();
        struct sigaction ours {};
        ours.sa_sigaction = on_lost_page;
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
        (void)::sigemptyset(&ours.sa_mask);
        if (::sigaction(SIGBUS, &ours, &handler.before) != 0) return false;
    }
    ++handler.users;
    return true;
}

/// The handler before takes its place again, unless somebody has put another there meanwhile.
void uninstall() {
    const std::scoped_lock lock(handler.mutex);
    if (--handler.users > 0) return;
    struct sigaction now {};
    if (::sigaction(SIGBUS, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
        now.sa_sigaction == on_lost_page)
        (void)::sigaction(SIGBUS, &handler.before, nullptr);
}

}  // namespace

std::optional<MappedFile> MappedFile::map(const File& file) {
    if (file.bytes() == 0 || file.bytes() > SIZE_MAX) return std::nullopt;
    void* const begin =
        ::mmap(nullptr, static_cast<std::size_t>(file.bytes()), PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (begin == MAP_FAILED) return std::nullopt;
    if (!install()) {
        (void)::munmap(begin, static_cast<std::size_t>(file.bytes()));
        return std::nullopt;
    }
    return MappedFile(static_cast<const std::byte*>(begin), file.bytes());
}

MappedFile::~MappedFile() {
    if (begin_ == nullptr) return;
    (void)::munmap(const_cast<std::byte*>(begin_), static_cast<std::size_t>(bytes_));
    uninstall();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), bytes_(other.bytes_), lost_(other.lost_.load()) {}

bool MappedFile::resident(std::uint64_t offset, std::uint64_t bytes) const {
    if (!holds(offset, bytes)) return false;
    const auto page = page_bytes();
    const auto there = [&](std::uint64_t at) {
        unsigned char answer = 0;
        return ::mincore(const_cast<std::byte*>(begin_) + at / page * page, 1, &answer) == 0 &&
               (answer & 1U) != 0;
    };
    for (std::uint64_t at = 0; at < bytes; at += kSampled * page)
        if (!there(offset + at)) return false;
    return bytes == 0 || there(offset + bytes - 1);
}

bool MappedFile::with(std::uint64_t offset, std::uint64_t bytes,
                      const std::function<void(std::span<const std::byte>)>& look) const {
    if (lost_ || !holds(offset, bytes)) return false;
    const auto* begin = begin_ + offset;
    struct Watch {
        Watch(const std::byte* from, std::uint64_t count) {
            watched.lost = 0;
            watched.begin = reinterpret_cast<std::uintptr_t>(from);
            watched.end = watched.begin + static_cast<std::uintptr_t>(count);
        }
        ~Watch() { watched.begin = watched.end = 0; }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
    } const watch(begin, bytes);
    look(std::span(begin, static_cast<std::size_t>(bytes)));
    if (watched.lost != 0) lost_ = true;
    return !lost_;
}

}  // namespace vtvc::h5
