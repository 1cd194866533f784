#pragma once
// A file that is looked at where the system's cache has it, without a copy of it being made. What reading by
// calls reports as an error, a file that was cut or a disk that fails, comes as a signal here; it is caught,
// and no more than the piece at hand is lost.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "h5_file.hpp"

namespace vtvc::h5 {

class MappedFile {
  public:
    /// Nothing where the file is empty or the system does not map it; reading it by calls is the other way.
    static std::optional<MappedFile> map(const File& file);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;

    /// Whether these bytes are in memory now, by samples: asking for every page costs a sixth of hashing it.
    bool resident(std::uint64_t offset, std::uint64_t bytes) const;
    /// Calls look with these bytes of the file. False when some of them could not be had (look saw zeros in
    /// their place), and from then on. By many threads at once; look may not call this again, and what it
    /// throws passes through.
    bool with(std::uint64_t offset, std::uint64_t bytes,
              const std::function<void(std::span<const std::byte>)>& look) const;

  private:
    MappedFile(const std::byte* begin, std::uint64_t bytes) : begin_(begin), bytes_(bytes) {}
    bool holds(std::uint64_t offset, std::uint64_t bytes) const {
        return offset <= bytes_ && bytes <= bytes_ - offset;
    }
    const std::byte* begin_;  // null after a move
    std::uint64_t bytes_;
    mutable std::atomic<bool> lost_{false};
};

}  // namespace vtvc::h5
