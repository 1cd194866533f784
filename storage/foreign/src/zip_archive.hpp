#pragma once
// A zip archive read through libzip: entries by name, stored or deflated, their sizes checked against the
// file.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "byte_source.hpp"

namespace vtvc::foreign {

class ZipArchive {
  public:
    /// StorageError for what is no zip archive, is cut, encrypted, packed in another way than deflate,
    /// promises more than its bytes can hold, or names an entry twice.
    explicit ZipArchive(std::unique_ptr<ByteSource> source);
    ~ZipArchive();
    ZipArchive(const ZipArchive&) = delete;
    ZipArchive& operator=(const ZipArchive&) = delete;

    const std::string& name() const;
    struct Entry {
        std::uint64_t index = 0, bytes = 0;  ///< unpacked
        bool deflated = false;
    };
    const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
    /// Fills out with the entry's bytes from offset on. A whole entry's checksum is verified. Safe from
    /// several threads, which wait for each other.
    void read(const Entry& entry, std::uint64_t offset, std::span<std::byte> out) const;
    /// All from offset on, a piece at a time.
    void read_on(const Entry& entry, std::uint64_t offset,
                 const std::function<void(std::span<const std::byte>)>& take) const;
    std::string read_text(const Entry& entry) const;

  private:
    struct Handle;
    struct Opened;
    std::unique_ptr<Handle> handle_;
    std::map<std::string, Entry, std::less<>> entries_;
};

/// Whether the file begins as an archive with an entry does.
bool looks_like_zip(const ByteSource& source);

}  // namespace vtvc::foreign
