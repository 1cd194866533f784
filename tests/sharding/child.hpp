#pragma once
// A program under test in a process of its own, with deadlines: its output, its end, and what it left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../scratch.hpp"

namespace vtvc::test {

inline std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// Whether happened() comes true within the time.
template <class Happened>
bool within(std::chrono::duration<double> time, Happened&& happened) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!happened()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

/// Alive, not a zombie.
inline bool is_alive(int pid) {
    const auto stat = read("/proc/" + std::to_string(pid) + "/stat");
    const auto name_end = stat.rfind(')');
    return name_end != std::string::npos && stat.substr(name_end, 3) != ") Z";
}

class Child {
  public:
    Child(std::vector<std::string> command, const std::map<std::string, std::string>& environment,
          const std::filesystem::path& folder, int ignored_signal = 0)
        : out_(folder / "stdout"), err_(folder / "stderr") {
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::setpgid(0, 0);
        if (ignored_signal != 0) std::signal(ignored_signal, SIG_IGN);
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        ::dup2(::open("/dev/null", O_RDONLY), 0);
        ::dup2(::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 1);
        ::dup2(::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), 2);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void send(int signal) const { ::kill(pid_, signal); }
    /// Exit code as a shell gives it; −1 when it has not ended in time.
    int wait(std::chrono::duration<double> time) {
        int status = 0;
        if (!within(time, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::string out() const { return read(out_); }
    std::string err() const { return read(err_); }

  private:
    std::filesystem::path out_, err_;
    pid_t pid_ = 0;
};

}  // namespace vtvc::test
