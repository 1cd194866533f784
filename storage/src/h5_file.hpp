#pragma once
// A file that is only read, by position: many threads may read one at a time.
#include <filesystem>
#include <span>
#include <string>

namespace vtvc::h5 {

class File {
  public:
    /// StorageError: missing, not a regular file, not readable.
    static File open(const std::filesystem::path& path);
    ~File();
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    const std::string& path() const { return path_; }
    std::uint64_t bytes() const { return bytes_; }
    int descriptor() const { return descriptor_; }
    /// Exactly out.size() bytes from offset on; StorageError when the disk fails or the file ends before.
    void read(std::uint64_t offset, std::span<std::byte> out) const;

  private:
    File() = default;
    std::string path_;
    int descriptor_ = -1;
    std::uint64_t bytes_ = 0;
};

/// A file that exists and is written by position. Every call is checked.
class OutFile {
  public:
    static OutFile open(const std::filesystem::path& path);
    ~OutFile();
    OutFile(OutFile&& other) noexcept;
    OutFile& operator=(OutFile&&) = delete;
    void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
    /// The disk begins to take these bytes; nobody waits, and errors are those of a later sync.
    void start_writeback(std::uint64_t offset, std::uint64_t bytes) const;
    /// Some disks tell only now that they are full.
    void close();

  private:
    OutFile() = default;
    std::string path_;
    int descriptor_ = -1;
};

}  // namespace vtvc::h5
