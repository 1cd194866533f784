#pragma once
// A condition of a sweep file made ready to be asked at thousands of points.
#include "grid.hpp"

namespace vtvc::sweep {

struct Grid::Test {
    /// Does the value of one key fit?
    struct Term {
        bool base = false;                                                 ///< where no axis sets the key
        std::vector<std::pair<std::size_t, std::vector<bool>>> by_choice;  ///< dimension, its choices
    };
    std::vector<Term> terms;
    bool sound = true;  ///< false: something in it was wrong, and complained of

    bool holds(const std::vector<std::uint32_t>& at) const {
        for (const Term& term : terms) {
            bool fits = term.base;
            for (const auto& [dimension, choices] : term.by_choice)
                if (at[dimension] > 0) fits = choices[at[dimension] - 1];
            if (!fits) return false;
        }
        return sound;
    }
};

}  // namespace vtvc::sweep
