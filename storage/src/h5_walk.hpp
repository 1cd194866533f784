#pragma once
// Reads a file's tree through HDF5, for files whose index is missing or does not fit them any more: older
// ones, and those that other programs repacked, changed or damaged. HDF5 1.10 is not safe against every
// damage in its own tables, so this happens in a child process that may not take more memory and time than
// it needs; what it found comes back as an index and is checked again.
#include "h5_index.hpp"

namespace vtvc::h5 {

/// The whole tree, if it is of this kind and version and fits its content hash; in this process, so only for
/// files that HDF5 is known to survive. StorageError otherwise.
Index walk(const File& file, const std::string& kind, std::int64_t version);
/// The same in a child: also StorageError when HDF5 crashes, hangs or takes too much.
Index walk_in_child(const File& file, const std::string& kind, std::int64_t version);
/// One short text attribute of the root; empty when there is none.
std::string peek_in_child(const File& file, const std::string& attribute);

}  // namespace vtvc::h5
