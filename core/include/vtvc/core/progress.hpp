#pragma once
// One progress line with rate and time left; rewritten in place on a terminal, sparse lines elsewhere.
#include <chrono>
#include <cstdint>
#include <string>

namespace vtvc {

class Progress {
  public:
    /// unit: what is counted ("steps", "images"). start: where a resumed count begins.
    Progress(std::string label, std::int64_t total, std::string unit, std::int64_t start = 0);
    ~Progress();
    void update(std::int64_t done, const std::string& extra = "");

  private:
    void print(const std::string& extra, bool last);
    std::string label_, unit_;
    std::int64_t total_, start_, done_;
    std::chrono::steady_clock::time_point begin_, last_print_{};
    bool terminal_ = false, printed_ = false;
};

/// "2 m 05 s"
std::string duration_text(double seconds);
/// Messages to stderr with a level word; warnings are loud.
void say(const std::string& text);
void warn(const std::string& text);

}  // namespace vtvc
