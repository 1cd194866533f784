#pragma once
// Reads our HDF5 files. open() knows the whole tree (types, shapes, places in the file, content hash) from
// the file's index, or, when that does not fit the file any more, from HDF5 in a child process. Data are read
// at their places, without HDF5, and checked against their checksums; many threads may read at once.
#include <array>
#include <string_view>
#include <unordered_map>

#include "h5_index.hpp"
#include "mapped_file.hpp"

namespace vtvc::h5 {

/// Buffers of these begin where the system copies fastest to.
struct alignas(64) CacheLine {
    std::array<std::byte, 64> bytes;
};

class Reader {
  public:
    /// StorageError, naming file and reason: missing, not HDF5, cut, of another kind or version, damaged.
    static Reader open(const std::filesystem::path& path, const std::string& kind, std::int64_t version);

    /// Of an index that was checked already.
    Reader(File file, Index index);

    const std::string& path() const { return file_.path(); }
    const std::string& content_hash() const { return text_attribute("/", "content_hash"); }

    const std::string& text_attribute(const std::string& object, const std::string& name) const;
    std::int64_t integer(const std::string& object, const std::string& name) const;
    const Reals& reals(const std::string& object, const std::string& name, const Shape& shape) const;

    const Index& index() const { return index_; }
    bool has(const std::string& name) const { return by_name_.contains(name); }
    const Array& about(const std::string& name) const;
    /// The same, after checking type and shape (−1: any size).
    const Array& expect(const std::string& name, Type type, const Shape& shape) const;
    /// Names of the arrays in a group, without the group's name, sorted.
    std::vector<std::string> names(const std::string& group) const;

    std::string text(const std::string& name) const;
    std::vector<std::string> texts(const std::string& name) const;
    /// Rows [first, first + count) of the first dimension; out has exactly their bytes.
    void read(const std::string& name, std::int64_t first, std::int64_t count,
              std::span<std::byte> out) const;
    /// The file for verify(), if it can be mapped.
    std::optional<MappedFile> mapped() const { return MappedFile::map(file_); }
    /// Checks rows, whole units of their checksums, without handing them out: in the system's cache where all
    /// of them are there, else through the buffer. mapped may be null. StorageError as of read().
    void verify(const std::string& name, std::int64_t first, std::int64_t count, const MappedFile* mapped,
                std::vector<CacheLine>& buffer) const;
    template <class T>
    std::vector<T> rows(const std::string& name, const Shape& shape, std::int64_t first,
                        std::int64_t count) const {
        const Array& known = expect(name, type_of<T>(), shape);
        check_rows(name, first, count);
        std::vector<T> values(static_cast<std::size_t>(count) * known.row_bytes() / sizeof(T));
        read(name, first, count, std::as_writable_bytes(std::span(values)));
        return values;
    }
    template <class T>
    std::vector<T> all(const std::string& name, const Shape& shape) const {
        return rows<T>(name, shape, 0, about(name).rows());
    }
    /// Throws a StorageError about this file: "PATH: ...".
    template <class... Args>
    [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
        throw StorageError(path() + ": " + fmt::format(text, std::forward<Args>(args)...));
    }

  private:
    void check_rows(const std::string& name, std::int64_t first, std::int64_t count) const;
    [[noreturn]] void refuse_unit(const std::string& name, const Array& known, std::int64_t unit) const;
    const Value& attribute(const std::string& object, const std::string& name) const;

    File file_;
    Index index_;
    std::unordered_map<std::string_view, const Array*> by_name_;  // index_.arrays, found faster
};

/// One text attribute of a file's root; empty when there is none.
std::string peek(const std::filesystem::path& path, const std::string& attribute);
/// Whether a file starts like HDF5; StorageError when it is missing.
bool is_hdf5(const std::filesystem::path& path);

}  // namespace vtvc::h5
