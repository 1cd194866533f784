#pragma once
// Work on a file that may crash, hang or eat memory: done in a child process with limits.
#include <functional>
#include <string>

namespace vtvc {

/// What work returns, computed in a forked child that may add 2 GiB of memory, use 60 s of processor time
/// and write no file. A StorageError of the child is thrown here; its death is one too, naming about.
std::string in_limited_child(const std::string& about, const std::function<std::string()>& work);

}  // namespace vtvc
