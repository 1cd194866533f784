#include "h5_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "vtvc/core/error.hpp"
#include "vtvc/core/position_io.hpp"

namespace vtvc::h5 {

File File::open(const std::filesystem::path& path) {
    File file;
    file.path_ = path.string();
    // Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
    file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.descriptor_ < 0) {
        const int code = errno;
        if (code == ENOENT) fail<StorageError>("{}: no such file", file.path_);
        fail<StorageError>("{}: cannot be read ({}); check its permissions", file.path_, std::strerror(code));
    }
    struct stat about {};
    if (::fstat(file.descriptor_, &about) != 0 || !S_ISREG(about.st_mode))
        fail<StorageError>("{}: not a regular file", file.path_);
    file.bytes_ = static_cast<std::uint64_t>(about.st_size);
    return file;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}
File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(other.bytes_) {}
File& File::operator=(File&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

void File::read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
        const auto got = read_at(descriptor_, offset, out);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int code = errno;
            fail<StorageError>("{}: cannot read {} bytes at {} ({})", path_, out.size(), offset,
                               std::strerror(code));
        }
        if (got == 0)
            fail<StorageError>("{}: ends at byte {} where more belongs (it was cut); make or copy it again",
                               path_, offset);
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

OutFile OutFile::open(const std::filesystem::path& path) {
    OutFile file;
    file.path_ = path.string();
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor_ < 0) {
        const int code = errno;
        fail<StorageError>("cannot open {} to write into it ({})", file.path_, std::strerror(code));
    }
    return file;
}

OutFile::~OutFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}
OutFile::OutFile(OutFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

void OutFile::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const auto put = write_at(descriptor_, offset, bytes);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            const int code = put < 0 ? errno : ENOSPC;
            fail<StorageError>("cannot write {} bytes of {} at {} ({})", bytes.size(), path_, offset,
                               std::strerror(code));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
}

void OutFile::start_writeback(std::uint64_t offset, std::uint64_t bytes) const {
    (void)::sync_file_range(descriptor_, static_cast<off64_t>(offset), static_cast<off64_t>(bytes),
                            SYNC_FILE_RANGE_WRITE);
}

void OutFile::close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) {
        const int code = errno;
        fail<StorageError>("cannot finish writing {} ({})", path_, std::strerror(code));
    }
}

}  // namespace vtvc::h5
