#pragma once
// What `vtvc sweep run` shows: a few lines rewritten in place on a terminal, sparse lines elsewhere.
#include <chrono>
#include <string>

#include "vtvc/sweep/manager.hpp"

namespace vtvc {

class SweepScreen final : public sweep::Screen {
  public:
    explicit SweepScreen(const sweep::Plan& plan);
    void show(const sweep::Counts& counts, bool last) override;
    void note(const std::string& line) override;

  private:
    std::string line(const sweep::Counts& counts) const;

    const sweep::Plan& plan_;
    bool terminal_;
    bool drawn_ = false;  ///< the terminal's last line is ours
    std::string before_;
    std::chrono::steady_clock::time_point begin_, last_{};
    std::size_t done_at_begin_ = 0;
    bool first_ = true;
};

/// "12 done, 2 running, 3 to be tried again, 1 failed, 22 to do"
std::string counts_text(const sweep::Counts& counts);

}  // namespace vtvc
