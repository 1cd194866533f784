#pragma once
// A folder of a target's own, in memory where the machine has one there, for readers that take paths.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "../scratch.hpp"

namespace vtvc::fuzz {

class Scratch : public test::Scratch {
  public:
    Scratch() : test::Scratch(memory_or_disk()) {}
    void put(const std::string& name, std::string_view bytes) const {
        std::ofstream out(path() / name, std::ios::binary | std::ios::trunc);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) std::abort();
    }
    void remove(const std::string& name) const {
        std::error_code ignored;
        std::filesystem::remove(path() / name, ignored);
    }

  private:
    static std::filesystem::path memory_or_disk() {
        std::error_code error;
        const std::filesystem::path memory = "/dev/shm";
        const bool usable =
            std::filesystem::is_directory(memory, error) && ::access(memory.c_str(), W_OK) == 0;
        return usable ? memory : std::filesystem::temp_directory_path();
    }
};

}  // namespace vtvc::fuzz
