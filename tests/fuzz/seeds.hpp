#pragma once
// Targets whose valid inputs the project itself writes: run.sh calls them once with VTVC_FUZZ_SEEDS=FOLDER,
// they fill it and end.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace vtvc::fuzz {

/// make(put): calls put(name, bytes) for each seed.
template <class Make>
void write_seeds_if_asked(Make make) {
    const char* folder = std::getenv("VTVC_FUZZ_SEEDS");
    if (folder == nullptr) return;
    std::filesystem::create_directories(folder);
    make([&](const std::string& name, const std::string& bytes) {
        std::ofstream out(std::filesystem::path(folder) / name, std::ios::binary);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) std::abort();
    });
    std::exit(0);
}

}  // namespace vtvc::fuzz
