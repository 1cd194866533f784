#include "pictures.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "vtvc/core/error.hpp"

namespace vtvc {

Pictures::Pictures(const std::filesystem::path& beside) : beside_(beside.string()) {
    const auto folder = beside.has_parent_path() ? beside.parent_path() : std::filesystem::path(".");
    std::error_code error;
    std::filesystem::create_directories(folder, error);  // what went wrong is told by what follows
    std::string name = (folder / fmt::format(".{}.pictures-XXXXXX", beside.filename().string())).string();
    descriptor_ = ::mkstemp(name.data());
    if (descriptor_ < 0) {
        const int code = errno;
        fail<StorageError>("cannot make a file beside {} ({}); pictures wait there until they are sorted",
                           beside_, std::strerror(code));
    }
    (void)::unlink(name.c_str());  // a name that stays is a nuisance, no danger
}

Pictures::~Pictures() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void Pictures::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(bytes_));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            const int code = put < 0 ? errno : ENOSPC;
            fail<StorageError>("cannot keep {} bytes of pictures beside {} ({}); twice their room is needed",
                               bytes_ + bytes.size(), beside_, std::strerror(code));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        bytes_ += static_cast<std::uint64_t>(put);
    }
}

void Pictures::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
    while (!out.empty()) {
        const auto got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            const int code = got < 0 ? errno : EIO;
            fail<StorageError>("cannot read the pictures kept beside {} ({})", beside_, std::strerror(code));
        }
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

}  // namespace vtvc
