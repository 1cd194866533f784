#include "h5_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "vtvc/core/error.hpp"

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
        const auto got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
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

}  // namespace vtvc::h5
