#pragma once
// Where a parser's bytes come from: a file, or memory (tests and fuzz targets). Parsers know nothing else of
// files.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace vtvc::foreign {

class ByteSource {
  public:
    explicit ByteSource(std::string name) : name_(std::move(name)) {}
    virtual ~ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    /// What error messages call it.
    const std::string& name() const { return name_; }
    virtual std::uint64_t size() const = 0;
    /// Fills out from offset on, or throws StorageError. Safe from several threads at once.
    virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;

  private:
    std::string name_;
};

/// A regular file, read by pread: it may be larger than memory.
std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path);
/// Borrows the bytes.
std::unique_ptr<ByteSource> memory_bytes(std::string name, std::span<const std::byte> bytes);

/// bytes of the source as text, from offset on.
std::string read_string(const ByteSource& source, std::uint64_t offset, std::size_t bytes);

}  // namespace vtvc::foreign
