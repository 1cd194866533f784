#include "vtvc/core/files.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_errno(std::string_view what, const fs::path& path) {
    const int code = errno;
    fail<StorageError>("cannot {} {} ({})", what, path.string(), std::strerror(code));
}

/// Folders are opened read-only to be synced, files too: fsync needs no more.
void sync_path(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail_errno("open", path);
    const int result = ::fsync(file);
    const int code = errno;
    ::close(file);
    errno = code;
    if (result != 0) fail_errno("write to disk", path);
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail<StorageError>("cannot make the folder {} ({})", folder.string(), error.message());
}

/// Unique among the processes that may write beside path, so that no two share a temporary.
fs::path temporary_beside(const fs::path& path) {
    static std::atomic<unsigned> count{0};
    char host[64] = {};
    ::gethostname(host, sizeof host - 1);
    return folder_of(path) /
           fmt::format(".{}.{}-{}-{}.partial", path.filename().string(), host, ::getpid(), count++);
}

void rename_durably(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) fail_errno("rename a finished file to", to);
    sync_path(folder_of(to));
}

}  // namespace

PendingFile::PendingFile(fs::path final_path, std::uint64_t expected_bytes)
    : final_(std::move(final_path)), temporary_(temporary_beside(final_)) {
    const fs::path folder = folder_of(final_);
    make_folder(folder);
    if (expected_bytes == 0) return;
    struct statvfs disk {};
    if (::statvfs(folder.c_str(), &disk) != 0) fail_errno("ask for the free space of", folder);
    const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free_bytes < expected_bytes) {
        fail<StorageError>(
            "no room for {} (it needs {:.1f} MB, {:.1f} MB are free); free some, or choose another folder",
            final_.string(), expected_bytes / 1e6, free_bytes / 1e6);
    }
}

PendingFile::~PendingFile() {
    if (committed_) return;
    std::error_code ignored;  // nothing to tell: the file may never have been made
    fs::remove(temporary_, ignored);
}

void PendingFile::sync() const { sync_path(temporary_); }

void PendingFile::commit() {
    sync();
    rename_durably(temporary_, final_);
    committed_ = true;
}

void write_atomically(const fs::path& path, std::string_view text) {
    PendingFile pending(path, text.size());
    {
        std::ofstream out(pending.temporary(), std::ios::binary);
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        out.close();
        if (!out) fail_errno("write", path);
    }
    pending.commit();
}

std::string read_text(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) fail<StorageError>("cannot read {} (it is a folder)", path.string());
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
    if (!in.is_open() || in.bad() || text.bad()) fail_errno("read", path);
    return std::move(text).str();
}

void point_link(const fs::path& link, const fs::path& target) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(link, error);
    if (fs::exists(status) && !fs::is_symlink(status)) {
        fail<StorageError>("{} is not a link (only links are replaced); move it away or choose another place",
                           link.string());
    }
    make_folder(folder_of(link));
    const fs::path temporary = temporary_beside(link);
    if (::symlink(target.c_str(), temporary.c_str()) != 0) fail_errno("make a link at", link);
    rename_durably(temporary, link);
}

JsonLines::JsonLines(const fs::path& path, std::uint64_t keep_bytes) : path_(path), bytes_(keep_bytes) {
    make_folder(folder_of(path));
    std::error_code error;
    const std::uint64_t present = fs::exists(path) ? fs::file_size(path, error) : 0;
    if (error || present < keep_bytes) {
        fail<StorageError>(
            "cannot go on with {} (it has {} bytes, the checkpoint counted {}); was it changed?",
            path.string(), present, keep_bytes);
    }
    if (fs::exists(path)) fs::resize_file(path, keep_bytes, error);
    if (error) fail<StorageError>("cannot cut {} ({})", path.string(), error.message());
    errno = 0;
    out_.open(path, std::ios::binary | std::ios::app);
    if (!out_) fail_errno("open", path);
}

void JsonLines::write(std::string_view json) {
    out_.write(json.data(), static_cast<std::streamsize>(json.size()));
    out_.put('\n');
    out_.flush();
    if (!out_) fail_errno("write to", path_);
    bytes_ += json.size() + 1;
}

void JsonLines::sync() const { sync_path(path_); }

}  // namespace vtvc
