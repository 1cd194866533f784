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

#include "../scratch.hpp"

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

}  // namespace vtvc
