#include "links.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vtvc/core/error.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {
namespace {

std::uint32_t choice_of(const std::vector<std::string>& labels, const std::string& label) {
    const auto found = std::find(labels.begin(), labels.end(), label);
    return found == labels.end() ? 0 : static_cast<std::uint32_t>(found - labels.begin()) + 1;
}

}  // namespace

Plan::Links::Links(const SweepFile& file, const std::vector<std::unique_ptr<Grid>>& grids,
                   std::vector<Mistake>& problems)
    : file_(file), grids_(grids) {
    for (const auto& grid : grids) {
        std::vector<Link> links;
        for (const Reference& reference : grid->references())
            links.push_back(make_link(*grid, reference, problems));
        links_.push_back(std::move(links));
    }
}

Plan::Links::Link Plan::Links::make_link(const Grid& own, const Reference& reference,
                                         std::vector<Mistake>& problems) const {
    Link link;
    const std::size_t before = problems.size();
    const auto complain = [&](std::string text) { problems.push_back({reference.place, std::move(text)}); };
    std::vector<std::string> stages;
    for (const Stage& stage : file_.stages) stages.push_back(stage.name);
    link.stage = choice_of(stages, reference.stage);
    if (link.stage-- == 0) {
        complain(fmt::format("reference \"{}\" to the stage '{}', which is not there{}", reference.text,
                             reference.stage, did_you_mean(reference.stage, stages)));
        return link;
    }
    const auto& theirs = grids_[link.stage]->dimensions();
    std::vector<std::string> names;
    for (const auto& dimension : theirs) names.push_back(dimension.name);
    for (const auto& [axis, label] : reference.selectors)
        if (choice_of(names, axis) == 0)
            complain(fmt::format("reference \"{}\": stage '{}' has no axis '{}'{}", reference.text,
                                 reference.stage, axis, did_you_mean(axis, names)));
    for (const auto& dimension : theirs) {
        Way way;
        const auto selector = std::find_if(reference.selectors.begin(), reference.selectors.end(),
                                           [&](const auto& pair) { return pair.first == dimension.name; });
        const auto& mine = own.dimensions();
        const auto same = std::find_if(mine.begin(), mine.end(), [&](const auto& candidate) {
            return candidate.name == dimension.name;
        });
        if (selector != reference.selectors.end()) {
            way.fixed = choice_of(dimension.labels, selector->second);
            if (way.fixed == 0)
                complain(fmt::format("reference \"{}\": axis '{}' of stage '{}' has no \"{}\" (it has {}){}",
                                     reference.text, dimension.name, reference.stage, selector->second,
                                     fmt::join(dimension.labels, ", "),
                                     did_you_mean(selector->second, dimension.labels)));
        } else if (same != mine.end()) {
            way.from = static_cast<int>(same - mine.begin());
            for (const std::string& label : same->labels) {
                way.by_choice.push_back(choice_of(dimension.labels, label));
                if (way.by_choice.back() == 0)
                    complain(fmt::format(
                        "reference \"{}\": axis '{}' has \"{}\" here, but not in stage '{}' (it has "
                        "{})",
                        reference.text, dimension.name, label, reference.stage,
                        fmt::join(dimension.labels, ", ")));
            }
        } else if (dimension.labels.size() == 1 && dimension.when < 0) {
            way.fixed = 1;
        } else if (dimension.when < 0) {
            complain(
                fmt::format("reference \"{}\" leaves open which run of stage '{}' is meant; say "
                            "@{}{{{}={}}}/{}, or one of {}",
                            reference.text, reference.stage, reference.stage, dimension.name,
                            dimension.labels.front(), reference.file, fmt::join(dimension.labels, ", ")));
        }
        link.ways.push_back(std::move(way));
    }
    link.sound = problems.size() == before;
    return link;
}

void Plan::Links::check_circles(const std::vector<std::vector<std::size_t>>& before,
                                std::vector<Mistake>& problems) {
    std::vector<int> state(grids_.size());
    const auto visit = [&](const auto& self, std::size_t stage) -> void {
        if (state[stage] == 2) return;
        if (state[stage] == 1)
            return problems.push_back(
                {file_.stages[stage].place,
                 fmt::format("stage '{}' needs itself, directly or through other stages",
                             file_.stages[stage].name)});
        state[stage] = 1;
        for (const Link& link : links_[stage])
            if (link.stage < grids_.size()) self(self, link.stage);
        for (const std::size_t other : before[stage]) self(self, other);
        state[stage] = 2;
        order_.push_back(stage);
    };
    for (std::size_t i = 0; i < grids_.size(); ++i) visit(visit, i);
}

std::optional<std::size_t> Plan::Links::find(std::size_t stage, std::size_t point, const Link& link) const {
    std::vector<std::uint32_t> choices;
    for (const Way& way : link.ways) {
        if (way.from < 0) {
            choices.push_back(way.fixed);
            continue;
        }
        const auto at = grids_[stage]->choice(point, static_cast<std::size_t>(way.from));
        choices.push_back(at == 0 ? 0 : way.by_choice[at - 1]);
    }
    choices.resize(std::max<std::size_t>(1, choices.size()));  // a stage without axes has one point
    return grids_[link.stage]->find(choices);
}

void Plan::Links::check_points(std::vector<Mistake>& problems) const {
    std::vector<const Line*> lines;
    for (std::size_t stage = 0; stage < grids_.size(); ++stage) {
        if (links_[stage].empty()) continue;
        std::vector<bool> told(links_[stage].size());
        for (std::size_t point = 0; point < grids_[stage]->size(); ++point) {
            grids_[stage]->lines_of(point, lines);
            for (const Line* line : lines) {
                if (line->reference < 0) continue;
                const auto number = static_cast<std::size_t>(line->reference);
                if (told[number] || find(stage, point, links_[stage][number])) continue;
                told[number] = true;
                const Reference& reference = grids_[stage]->references()[number];
                problems.push_back(
                    {reference.place, fmt::format("reference \"{}\" means a run of stage '{}' that is "
                                                  "not there at some points (excluded, or under "
                                                  "another condition)",
                                                  reference.text, reference.stage)});
            }
        }
    }
}

std::pair<std::size_t, std::size_t> Plan::Links::target(std::size_t stage, std::size_t point,
                                                        std::size_t reference) const {
    const Link& link = links_[stage][reference];
    const auto found = find(stage, point, link);
    if (!found) fail<Error>("a reference of stage '{}' was not checked", file_.stages[stage].name);
    return {link.stage, *found};
}

}  // namespace vtvc::sweep
