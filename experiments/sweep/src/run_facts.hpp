#pragma once
// What a run's folder says of it. Nothing here throws on what is missing or damaged.
#include <cstdint>
#include <filesystem>
#include <string>

namespace vtvc::sweep {

/// The step that status.json gives; −1: none.
std::int64_t step_of(const std::filesystem::path& run);
/// Does a process of this host still write there? (status.json says RUNNING, and its process lives.)
bool has_live_writer(const std::filesystem::path& run);
/// A small file that can be made again: whole or absent, but not forced to the disk.
void write_plainly(const std::filesystem::path& path, const std::string& text);

}  // namespace vtvc::sweep
