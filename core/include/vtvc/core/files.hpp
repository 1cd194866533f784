#pragma once
// Files that are whole or absent: temporary in the same folder, fsync, rename, fsync of the folder.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace vtvc {

/// A temporary path beside a final one. commit() makes it durable under the final name; without it the
/// destructor removes the temporary. For writers that need a path (HDF5).
class PendingFile {
  public:
    /// Checks that the folder exists (makes it) and that expected_bytes are free; StorageError otherwise.
    explicit PendingFile(std::filesystem::path final_path, std::uint64_t expected_bytes = 0);
    ~PendingFile();
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;
    const std::filesystem::path& temporary() const { return temporary_; }
    /// Brings what was written so far to the disk, as commit() does first: a thread may do it while another
    /// reads the file back.
    void sync() const;
    void commit();

  private:
    std::filesystem::path final_, temporary_;
    bool committed_ = false;
};

void write_atomically(const std::filesystem::path& path, std::string_view text);
/// Whole file as text; StorageError when it cannot be read.
std::string read_text(const std::filesystem::path& path);
/// Replaces (atomically) a symbolic link; refuses to replace anything that is not a link.
void point_link(const std::filesystem::path& link, const std::filesystem::path& target);

/// Appends one JSON document a line; each line is flushed to the kernel, sync() reaches the disk.
class JsonLines {
  public:
    /// keep_bytes: an existing file is cut there first (resume drops lines after the checkpoint).
    explicit JsonLines(const std::filesystem::path& path, std::uint64_t keep_bytes = 0);
    void write(std::string_view json);
    std::uint64_t bytes() const { return bytes_; }
    void sync() const;

  private:
    std::filesystem::path path_;
    std::ofstream out_;
    std::uint64_t bytes_ = 0;
};

}  // namespace vtvc
