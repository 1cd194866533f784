// Which points a stage has: axes multiplied out, conditional ones where they exist, excluded points left out.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "condition.hpp"
#include "grid.hpp"

namespace vtvc::sweep {
namespace {

constexpr double most_points = 20e6;

}  // namespace

void Grid::enumerate(const Grid* parent, std::vector<Mistake>& problems) {
    stride_ = std::max<std::size_t>(1, dimensions_.size());
    std::vector<std::vector<std::size_t>> own(stage_.whens.size() + 1);  // dimensions by condition; 0: none
    for (std::size_t d = inherited_; d < dimensions_.size(); ++d)
        own[static_cast<std::size_t>(dimensions_[d].when + 1)].push_back(d);
    double points = parent ? static_cast<double>(parent->size()) : 1;
    for (const std::size_t d : own[0]) points *= static_cast<double>(dimensions_[d].labels.size());
    if (points > most_points)
        return problems.push_back(
            {stage_.place, fmt::format("stage '{}' has {:.0f} points, more than {:.0f} (nobody "
                                       "could run them); shorten an axis",
                                       stage_.name, points, most_points)});
    std::vector<Test> whens, excludes;
    for (const When& when : stage_.whens) whens.push_back(test_of(when.condition, problems));
    for (const Condition& exclude : stage_.excludes) excludes.push_back(test_of(exclude, problems));

    std::vector<std::size_t> held(whens.size()), dropped(excludes.size());
    std::vector<std::uint32_t> at(stride_);
    std::set<std::string> clashes;
    // The seeds are the last of the unconditional axes and vary fastest, conditional ones before them.
    std::vector<std::size_t> order;
    const auto walk = [&](const auto& self, std::size_t depth) -> void {
        if (depth < order.size()) {
            const std::size_t d = order[depth];
            for (std::uint32_t c = 1; c <= dimensions_[d].labels.size(); ++c) {
                at[d] = c;
                self(self, depth + 1);
            }
            at[d] = 0;
            return;
        }
        bool keep = true;
        for (std::size_t e = 0; e < excludes.size(); ++e)
            if (excludes[e].holds(at)) {
                ++dropped[e];
                keep = false;
            }
        if (keep) choices_.insert(choices_.end(), at.begin(), at.end());
    };
    std::vector<std::size_t> first = own[0], seeds;
    if (!stage_.seeds.empty()) {
        seeds.push_back(first.back());
        first.pop_back();
    }
    const auto conditional = [&](const auto& self, std::size_t depth) -> void {
        if (depth < first.size()) {
            const std::size_t d = first[depth];
            for (std::uint32_t c = 1; c <= dimensions_[d].labels.size(); ++c) {
                at[d] = c;
                self(self, depth + 1);
            }
            at[d] = 0;
            return;
        }
        order.clear();
        std::map<std::string, std::size_t> taken;
        for (std::size_t w = 0; w < whens.size(); ++w) {
            if (!whens[w].holds(at)) continue;
            ++held[w];
            for (const std::size_t d : own[w + 1]) {
                order.push_back(d);
                for (const std::string& key : dimensions_[d].keys)
                    if (!taken.emplace(key, d).second && clashes.insert(key).second)
                        problems.push_back(
                            {dimensions_[d].place,
                             fmt::format("two axes set '{}' where both of their conditions hold; a "
                                         "key has one axis",
                                         key)});
            }
        }
        order.insert(order.end(), seeds.begin(), seeds.end());
        walk(walk, 0);
    };
    for (std::size_t i = 0; i < (parent ? parent->size() : 1); ++i) {
        for (std::size_t d = 0; d < inherited_; ++d) at[d] = parent->choice(i, d);
        conditional(conditional, 0);
    }
    for (std::size_t w = 0; w < whens.size(); ++w)
        if (held[w] == 0 && whens[w].sound)
            problems.push_back({stage_.whens[w].condition.place,
                                "this condition holds at no point, so its axes "
                                "never exist"});
    for (std::size_t e = 0; e < excludes.size(); ++e)
        if (dropped[e] == 0 && excludes[e].sound)
            problems.push_back({stage_.excludes[e].place,
                                "this exclude fits no point (it contradicts the axes or "
                                "what is fixed)"});
    if (choices_.empty())
        problems.push_back(
            {stage_.place,
             fmt::format("stage '{}' has no points left: its excludes drop all of them", stage_.name)});
}

}  // namespace vtvc::sweep
