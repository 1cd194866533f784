#pragma once
// Reads a file of ours to its last checksum and says, array by array, what is damaged and what is still good.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vtvc {

struct FilePart {
    std::string name;  ///< as in the file: "tasks/greek/conv1.weight"
    std::uint64_t bytes = 0;
    std::string problem;  ///< empty: good
};

struct FileReport {
    std::string kind, hash;       ///< as the file says; empty where it can no longer say
    std::string damage;           ///< of the file's own tables, or why they could not be read; empty: none
    std::vector<FilePart> parts;  ///< in the order of their names; none when no table tells where they lie
    bool whole() const;
    std::uint64_t bytes() const;
};

/// Uses as many threads as asked for. StorageError when path is no HDF5 file that could be read at all.
FileReport verify_file(const std::filesystem::path& path, int threads);

}  // namespace vtvc
