#pragma once
// Writes one of our HDF5 files: whole or not at all.
#include <memory>
#include <optional>
#include <set>

#include "h5_index.hpp"
#include "vtvc/core/background.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc::h5 {

/// An array before it is in a file: its description with checksums. rows_per_checksum 0: one checksum for
/// all. StorageError when bytes and shape disagree.
Array describe(const std::string& name, Type type, const Shape& shape, std::span<const std::byte> bytes,
               std::int64_t rows_per_checksum = 0);
/// Texts of one length, padded with zeros, and their description. Refuses text that holds a zero.
std::pair<Array, std::vector<std::byte>> describe_text(const std::string& name,
                                                       const std::vector<std::string>& list,
                                                       const Shape& shape);
/// Rows whose bytes come near one MiB, 1,024 at most: the unit of reading and checking of long arrays.
std::int64_t rows_per_mib(std::int64_t row_bytes);

class Writer {
  public:
    /// expected_bytes: what will be written, roughly; checked against the free space before anything is made.
    Writer(const std::filesystem::path& path, const std::string& kind, std::int64_t version,
           std::uint64_t expected_bytes);

    /// object: "/" or a group's name; a group is made by its first attribute, before arrays are put into it.
    void attribute(const std::string& object, const std::string& name, const Value& value);
    void text(const std::string& name, const std::string& value);
    void texts(const std::string& name, const std::vector<std::string>& list);
    void array(const std::string& name, Type type, const Shape& shape, std::span<const std::byte> bytes,
               std::int64_t rows_per_checksum = 0);
    template <class T>
    void array(const std::string& name, const Shape& shape, const std::vector<T>& values,
               std::int64_t rows_per_checksum = 0) {
        array(name, type_of<T>(), shape, std::as_bytes(std::span(values)), rows_per_checksum);
    }
    /// The same for numbers that stay as they are: long ones reach the file beside the caller, one array at a
    /// time. An error of the one before is thrown here, that of the last by finish().
    void array_beside(const std::string& name, const Shape& shape,
                      std::shared_ptr<const std::vector<float>> values, std::int64_t rows_per_checksum);
    /// Stamps the content hash and the index, closes, reads all of it back while the disk takes it, and gives
    /// it its final name.
    void finish();

  private:
    friend class RowWriter;  // h5_rows.hpp
    void write(const std::string& name, Array about, std::span<const std::byte> bytes);
    /// Room for an array, taken in the file at once and filled later.
    Handle make_room(const std::string& name, const Array& about);
    /// Ends an array that is written: its checksums, its place, its line in the index.
    void seal(Handle& dataset, const std::string& name, Array about);
    std::uint64_t reserve_index();
    void verify_written(const std::filesystem::path& temporary) const;
    void put_attribute(hid_t object, const std::string& name, Type type, std::size_t item_bytes,
                       const Shape& shape, const void* bytes);
    void put_value(hid_t object, const std::string& name, const Value& value);
    Handle group(const std::string& name);

    std::filesystem::path path_;
    std::string kind_;
    std::int64_t version_;
    PendingFile pending_;  // before file_: the file is closed before its temporary is removed
    Handle file_, links_;
    std::set<std::string> groups_;
    Index index_;
    std::optional<OutFile> beside_file_;
    Background beside_;  // last: it ends before what it writes to
};

}  // namespace vtvc::h5
