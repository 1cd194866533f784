// The private folders of a run, and the abandoned ones of runs that were killed.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "run_job.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
constexpr const char* prefix = "vtvc-run-";
constexpr const char* lock_name = "owner";
/// Younger ones may not have their lock yet.
constexpr std::time_t abandoned_after_s = 60;

/// Ours by name, owner and age, and no process holds its lock.
bool is_abandoned(const fs::path& folder) {
    struct stat about {};
    if (!folder.filename().string().starts_with(prefix) || ::lstat(folder.c_str(), &about) != 0) return false;
    if (!S_ISDIR(about.st_mode) || about.st_uid != ::geteuid()) return false;
    if (std::time(nullptr) - about.st_mtime < abandoned_after_s) return false;
    const int file = ::open((folder / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return false;
    const bool free = ::flock(file, LOCK_EX | LOCK_NB) == 0;
    ::close(file);
    return free;
}

void sweep(const fs::path& parent) {
    std::error_code unreadable;
    std::vector<fs::path> abandoned;
    for (const auto& entry : fs::directory_iterator(parent, unreadable))
        if (is_abandoned(entry.path())) abandoned.push_back(entry.path());
    for (const auto& folder : abandoned) fs::remove_all(folder, unreadable);
}

/// A new folder and, in locks, a descriptor that keeps it ours; the programs we start inherit it.
fs::path make_folder(const fs::path& parent, std::vector<int>& locks) {
    std::string name = (parent / fmt::format("{}XXXXXX", prefix)).string();
    if (!::mkdtemp(name.data()))
        fail<StorageError>(
            "cannot make a folder in {} (Open MPI keeps its session there): {}; set TMPDIR to a "
            "writable folder",
            parent.string(), std::strerror(errno));
    const int lock = ::open((fs::path(name) / lock_name).c_str(), O_RDWR | O_CREAT, 0600);
    if (lock < 0 || ::flock(lock, LOCK_EX) != 0)
        fail<StorageError>("cannot lock {}/{}: {}", name, lock_name, std::strerror(errno));
    locks.push_back(lock);
    return name;
}

}  // namespace

RunFolders::RunFolders() {
    const fs::path memory = "/dev/shm";
    const auto parent = fs::temp_directory_path();
    sweep(parent);
    temporary_ = make_folder(parent, locks_);
    fs::create_directory(causes());
    if (::access(memory.c_str(), W_OK) != 0) return;
    sweep(memory);
    shared_memory_ = make_folder(memory, locks_);
}

RunFolders::~RunFolders() {
    std::error_code gone;  // what cannot be removed now is swept by a later run
    if (!temporary_.empty()) fs::remove_all(temporary_, gone);
    if (!shared_memory_.empty()) fs::remove_all(shared_memory_, gone);
    for (const int lock : locks_) ::close(lock);
}

}  // namespace vtvc
