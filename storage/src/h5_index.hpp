#pragma once
// What lets a file of ours be opened without HDF5: the 512 bytes before its HDF5 part (HDF5 calls them the
// user block) say where its index lies, and the dataset vtvc_index holds every attribute, and of every array
// its type, shape, place and checksums. The index also has a checksum of all bytes that belong to no array,
// HDF5's own tables: so an intact index means an intact file but for the arrays, which have checksums.
#include <map>
#include <optional>
#include <utility>

#include "h5.hpp"
#include "h5_file.hpp"

namespace vtvc::h5 {

inline constexpr std::uint64_t kUserBlock = 512;
inline constexpr const char* kIndexName = "vtvc_index";

struct Index {
    std::uint64_t file_bytes = 0;
    Digest rest;  ///< of what is neither user block, array, nor index
    std::map<std::pair<std::string, std::string>, Value> attributes;
    std::map<std::string, Array> arrays;

    /// The hash of all that the file says.
    std::string content_hash() const;
};

/// The bytes of an index; their number depends on neither offsets nor checksums.
std::vector<std::byte> to_bytes(const Index& index);
/// StorageError naming path when the bytes are no index, or one of arrays that lie outside file_bytes or over
/// each other: nothing in it is believed before it has been checked.
Index parse_index(std::span<const std::byte> bytes, const std::string& path, std::uint64_t file_bytes);

inline constexpr std::int64_t kAnyVersion = -1;
/// StorageError unless the attributes say: a file of vtvc, of this kind and version.
void check_kind(const Index& index, const std::string& path, const std::string& kind, std::int64_t version);
/// Text of fixed length without its padding of zeros.
std::string unpadded(const std::byte* bytes, std::size_t width);

/// What a file says of itself before HDF5 is asked.
struct Sighting {
    std::optional<Index> index;  ///< there, whole, and of this file
    /// Why the file is not as it was written, though it has the size that it had; empty otherwise.
    std::string damage;
};
/// Neither index nor damage: a file without an index, or one of another size (cut, repacked by other tools);
/// then only HDF5 can tell what it holds.
Sighting look_at(const File& file);
/// The index of an intact file. Nothing when only HDF5 can tell. StorageError when the file is damaged.
std::optional<Index> read_index(const File& file);
/// Completes a closed file: fills the index that lies at offset, and the user block. index has all but
/// file_bytes and rest. StorageError when writing fails.
void write_index(const std::filesystem::path& path, Index index, std::uint64_t offset,
                 std::string_view title);

}  // namespace vtvc::h5
