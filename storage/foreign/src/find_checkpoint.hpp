#pragma once
#include <filesystem>

namespace vtvc::foreign {

/// The file to open for a path that a user gave: itself, or in a folder the checkpoint's index or only file.
/// StorageError lists the candidates where there is no single one.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

}  // namespace vtvc::foreign
