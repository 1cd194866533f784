#include "find_checkpoint.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "vtvc/core/error.hpp"

namespace vtvc::foreign {
namespace fs = std::filesystem;

namespace {

std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::error_code unknown;  // an entry that cannot be looked at is no checkpoint
        if (at->is_regular_file(unknown)) names.push_back(at->path().filename().string());
    }
    if (error) fail<StorageError>("cannot list {} ({})", folder.string(), error.message());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

fs::path find_checkpoint(const fs::path& path) {
    std::error_code error;
    const auto status = fs::status(path, error);
    if (!fs::exists(status)) fail<StorageError>("there is no {}; is the path right?", path.string());
    if (!fs::is_directory(status)) return path;
    const auto names = files_in(path);
    // A folder of Hugging Face often holds the same weights twice, and files of the optimiser beside them.
    for (const char* known :
         {"model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json",
          "pytorch_model.bin", "adapter_model.safetensors", "adapter_model.bin"})
        if (std::binary_search(names.begin(), names.end(), known)) return path / known;
    for (const auto& endings : std::vector<std::vector<std::string>>{
             {".index.json"}, {".safetensors"}, {".pt", ".pth", ".bin", ".ckpt"}}) {
        std::vector<std::string> found;
        for (const auto& name : names)
            if (std::any_of(endings.begin(), endings.end(), [&](const auto& e) { return name.ends_with(e); }))
                found.push_back(name);
        if (found.size() == 1) return path / found.front();
        if (found.size() > 1 && found.front().find("-of-") != std::string::npos)
            fail<StorageError>("{} holds shards without their index ({}, …); fetch the .index.json too",
                               path.string(), found.front());
        if (found.size() > 1)
            fail<StorageError>(
                "{} holds {} checkpoints ({}{}); name one of them", path.string(), found.size(),
                fmt::join(found.begin(), found.begin() + std::min<std::ptrdiff_t>(3, std::ssize(found)),
                          ", "),
                found.size() > 3 ? ", …" : "");
    }
    fail<StorageError>(
        "{} holds no checkpoint (a folder needs one .safetensors, .pt, .pth or .bin file, or an .index.json)",
        path.string());
}

}  // namespace vtvc::foreign
