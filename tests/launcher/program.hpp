#pragma once
// Runs a program and catches what it says.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace vtvc {

struct Outcome {
    int code = -1;  ///< exit code; −1 when a signal ended it
    std::string out, err;
};

/// Through /bin/sh, in the given folder; stderr is kept apart.
inline Outcome run_program(const std::string& command, const std::filesystem::path& folder) {
    const std::filesystem::path errors = folder / ("stderr." + std::to_string(getpid()));
    const std::string line = "cd '" + folder.string() + "' && " + command + " 2>'" + errors.string() + "'";
    Outcome outcome;
    FILE* pipe = popen(line.c_str(), "r");
    if (!pipe) return outcome;
    std::array<char, 4096> buffer{};
    for (std::size_t read = 0; (read = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        outcome.out.append(buffer.data(), read);
    const int status = pclose(pipe);
    if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
    std::ostringstream text;
    text << std::ifstream(errors).rdbuf();
    outcome.err = text.str();
    std::filesystem::remove(errors);
    return outcome;
}

/// A folder of the test's own, removed afterwards.
class ScratchFolder {
  public:
    explicit ScratchFolder(const std::string& name)
        : path_(std::filesystem::temp_directory_path() / ("vtvc_" + name + "_" + std::to_string(getpid()))) {
        std::filesystem::create_directories(path_);
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace vtvc
