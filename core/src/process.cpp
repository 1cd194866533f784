#include "vtvc/core/process.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

namespace vtvc {

char process_state(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= text.size() ? '\0' : text[name_end + 2];
}

bool process_is_gone(int pid) {
    const char state = process_state(pid);
    return state == 'Z' || state == 0 || (::kill(pid, 0) != 0 && errno == ESRCH);
}

bool is_gone_within(std::chrono::milliseconds time, int pid) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!process_is_gone(pid)) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

}  // namespace vtvc
