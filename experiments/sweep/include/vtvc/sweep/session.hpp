#pragma once
// Holding a sweep: its folder made or found, claimed, its journal open, its plan the one that was begun.
#include <memory>
#include <optional>

#include "vtvc/sweep/claim.hpp"
#include "vtvc/sweep/folder.hpp"
#include "vtvc/sweep/journal.hpp"
#include "vtvc/sweep/plan.hpp"
#include "vtvc/sweep/state.hpp"

namespace vtvc::sweep {

/// What a changed file does to a sweep that was begun.
struct Difference {
    std::size_t kept = 0;  ///< runs that are in both
    std::vector<std::string> added, dropped;
};
Difference difference(const Plan& before, const Plan& now);

class Session {
  public:
    enum class Changed { refuse, extend };
    /// Begins the sweep or goes on with it. text: the file as its author wrote it, kept beside the frozen
    /// one; empty where the plan is the frozen one itself. ConfigError: another manager holds it, or the plan
    /// is not the one that was begun (and changed says refuse).
    Session(const Plan& plan, SweepFolder folder, const std::string& text, Changed changed,
            Claim::Force force);

    const SweepFolder& folder() const { return folder_; }
    Journal& journal() { return *journal_; }
    const Claim& claim() const { return *claim_; }
    /// Processes of a dead manager that had to be ended.
    int orphans() const { return orphans_; }

  private:
    SweepFolder folder_;
    std::unique_ptr<Claim> claim_;
    std::unique_ptr<Journal> journal_;
    int orphans_ = 0;
};

}  // namespace vtvc::sweep
