#include "byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vtvc/core/error.hpp"
#include "vtvc/core/position_io.hpp"

namespace vtvc::foreign {

namespace {

[[noreturn]] void fail_past_end(const ByteSource& source, std::uint64_t offset, std::size_t bytes) {
    fail<StorageError>("cannot read bytes {} to {} of {} (it has {}); was it cut?", offset, offset + bytes,
                       source.name(), source.size());
}

class FileBytes final : public ByteSource {
  public:
    explicit FileBytes(const std::filesystem::path& path) : ByteSource(path.string()) {
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file_ < 0) fail<StorageError>("cannot open {} ({})", name(), std::strerror(errno));
        struct stat status {};
        const bool known = ::fstat(file_, &status) == 0;
        if (!known || !S_ISREG(status.st_mode)) {
            (void)::close(file_);  // it was only read
            fail<StorageError>("cannot read {} (it is not a regular file); give a file, or a folder with one",
                               name());
        }
        size_ = static_cast<std::uint64_t>(status.st_size);
    }
    ~FileBytes() override { (void)::close(file_); }

    std::uint64_t size() const override { return size_; }

    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        if (offset > size_ || out.size() > size_ - offset) fail_past_end(*this, offset, out.size());
        while (!out.empty()) {
            const auto got = read_at(file_, offset, out);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) fail<StorageError>("cannot read {} ({})", name(), std::strerror(errno));
            if (got == 0) fail<StorageError>("{} became shorter while it was read; was it changed?", name());
            out = out.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
    }

  private:
    int file_ = -1;
    std::uint64_t size_ = 0;
};

class MemoryBytes final : public ByteSource {
  public:
    MemoryBytes(std::string name, std::span<const std::byte> bytes)
        : ByteSource(std::move(name)), bytes_(bytes) {}
    std::uint64_t size() const override { return bytes_.size(); }
    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
            fail_past_end(*this, offset, out.size());
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    }

  private:
    std::span<const std::byte> bytes_;
};

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path) {
    return std::make_unique<FileBytes>(path);
}

std::unique_ptr<ByteSource> memory_bytes(std::string name, std::span<const std::byte> bytes) {
    return std::make_unique<MemoryBytes>(std::move(name), bytes);
}

std::string read_string(const ByteSource& source, std::uint64_t offset, std::size_t bytes) {
    std::string text(bytes, '\0');
    source.read(offset, std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace vtvc::foreign
