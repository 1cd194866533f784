#pragma once
// Which run of another stage a reference means at each point.
#include <map>

#include "grid.hpp"
#include "vtvc/sweep/plan.hpp"

namespace vtvc::sweep {

struct Plan::Links {
  public:
    /// Complains of references to stages, axes or labels that are not there, or that leave open which run is
    /// meant.
    Links(const SweepFile& file, const std::vector<std::unique_ptr<Grid>>& grids,
          std::vector<Mistake>& problems);

    /// Stages in an order in which each comes after those that it needs.
    const std::vector<std::size_t>& order() const { return order_; }
    void check_circles(const std::vector<std::vector<std::size_t>>& before, std::vector<Mistake>& problems);
    /// Complains of points whose reference fits no run (it was excluded).
    void check_points(std::vector<Mistake>& problems) const;
    /// Stage and point that a stage's reference means at one of its points.
    std::pair<std::size_t, std::size_t> target(std::size_t stage, std::size_t point,
                                               std::size_t reference) const;

  private:
    /// How the choice of one dimension of the target is found.
    struct Way {
        int from = -1;                         ///< dimension of the own stage with the same name
        std::vector<std::uint32_t> by_choice;  ///< of it
        std::uint32_t fixed = 0;               ///< where from is −1
    };
    struct Link {
        std::size_t stage = 0;
        std::vector<Way> ways;
        bool sound = false;
    };
    Link make_link(const Grid& own, const Reference& reference, std::vector<Mistake>& problems) const;
    std::optional<std::size_t> find(std::size_t stage, std::size_t point, const Link& link) const;

    const SweepFile& file_;
    const std::vector<std::unique_ptr<Grid>>& grids_;
    std::vector<std::vector<Link>> links_;  ///< by stage and reference
    std::vector<std::size_t> order_;
};

}  // namespace vtvc::sweep
