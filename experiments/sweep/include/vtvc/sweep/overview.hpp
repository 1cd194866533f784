#pragma once
// A sweep as anybody may look at it, whether it is being managed or not: the frozen plan, the journal, and
// who holds it. Nothing is written.
#include <optional>
#include <string>
#include <vector>

#include "vtvc/sweep/claim.hpp"
#include "vtvc/sweep/folder.hpp"
#include "vtvc/sweep/manager.hpp"
#include "vtvc/sweep/state.hpp"
#include "vtvc/sweep/stock.hpp"

namespace vtvc::sweep {

class Overview {
  public:
    /// ConfigError: there is no such sweep.
    Overview(const std::string& what, const std::filesystem::path& store);

    const Plan& plan() const { return plan_; }
    Stock& stock() { return stock_; }
    const SweepFolder& folder() const { return folder_; }
    const SweepState& state() const { return state_; }
    const std::vector<std::string>& journal_notes() const { return notes_; }
    /// The manager, if one holds the sweep and is not known to be dead.
    const std::optional<Owner>& manager() const { return manager_; }
    const RunState& run(std::size_t point) const { return state_.run(plan_.key(point)); }
    /// As the journal says; what was running under a manager that is gone counts as to be tried again.
    State state_of(std::size_t point) const;
    Counts counts() const;
    /// The runs that a text means: the beginning of a key or an id, a run's whole name, or settings that it
    /// has
    /// ("batch=1 seed=7"). ConfigError: none, or more than one where one is asked for.
    std::vector<std::size_t> find(const std::string& text) const;
    std::size_t find_one(const std::string& text) const;

    /// Why a run is where it is, and what would be done about it: lines for a person.
    std::vector<std::string> explain(std::size_t point);

  private:
    SweepFolder folder_;
    Plan plan_;
    Stock stock_;
    SweepState state_;
    std::vector<std::string> notes_;
    std::optional<Owner> manager_;
};

}  // namespace vtvc::sweep
