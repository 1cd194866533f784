#pragma once
// IDX files (images: unsigned bytes, N×H×W or N×H×W×3; labels: N), plain or gzipped.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc {

struct IdxArray {
    std::vector<std::int64_t> shape;
    std::vector<std::uint8_t> values;
};
/// An IDX file read in order, a piece of it in memory at a time. The errors are those of read_idx.
class IdxReader {
  public:
    static IdxReader open(const std::filesystem::path& path);
    ~IdxReader();
    IdxReader(IdxReader&&) noexcept;
    IdxReader& operator=(IdxReader&&) = delete;
    const std::vector<std::int64_t>& shape() const;
    /// The next values, as many as are left at most; returns how many. With the last ones the file's end is
    /// checked.
    std::size_t read(std::span<std::uint8_t> out);

  private:
    friend IdxArray parse_idx(std::string bytes, std::string_view where);
    struct Impl;
    explicit IdxReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Sizes in the header are checked against the bytes that follow before anything is allocated for them beyond
/// the file's own length; StorageError says what was promised and what is there.
IdxArray read_idx(const std::filesystem::path& path);
/// The same from bytes already read; where is what messages call them.
IdxArray parse_idx(std::string bytes, std::string_view where);

}  // namespace vtvc
