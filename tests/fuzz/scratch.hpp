#pragma once
// A folder of a target's own, in memory where the machine has one there, for readers that take paths.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace vtvc::fuzz {

class Scratch {
  public:
    Scratch() {
        namespace fs = std::filesystem;
        std::error_code error;
        const fs::path memory = "/dev/shm";
        const bool usable = fs::is_directory(memory, error) && ::access(memory.c_str(), W_OK) == 0;
        std::string name = ((usable ? memory : fs::temp_directory_path()) / "vtvc-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    void put(const std::string& name, std::string_view bytes) const {
        std::ofstream out(path_ / name, std::ios::binary | std::ios::trunc);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) std::abort();
    }
    void remove(const std::string& name) const {
        std::error_code ignored;
        std::filesystem::remove(path_ / name, ignored);
    }

  private:
    std::filesystem::path path_;
};

}  // namespace vtvc::fuzz
