#pragma once
// One of our HDF5 files, described by few bytes: attributes and arrays. Laid out as a file with every
// checksum right, so that what a fuzzer changes is met by the code that interprets it rather than by the
// checksums, which would refuse any change of a real file.
#include <filesystem>
#include <string>

#include "pieces.hpp"

namespace vtvc::fuzz {

/// Pieces that describe a file that our writers made: its attributes (but its kind and those of its making)
/// and arrays.
std::string described(const std::filesystem::path& file);

/// What pieces describe, written to path: user block, index and arrays are as our writers make them, HDF5's
/// own tables (which our readers do not read) are its signature only. kind and version stand unless the
/// pieces give others. Texts may hold the word of stand_in, for which value is put.
struct StandIn {
    std::string word, value;
};
void lay_out(Pieces pieces, const std::string& kind, std::int64_t version, const StandIn& stand_in,
             const std::filesystem::path& path);

}  // namespace vtvc::fuzz
