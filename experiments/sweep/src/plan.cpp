#include "vtvc/sweep/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "frozen.hpp"
#include "grid.hpp"
#include "links.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/core/spelling.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc::sweep {
namespace {

std::size_t stage_index(const SweepFile& file, const std::string& name) {
    for (std::size_t i = 0; i < file.stages.size(); ++i)
        if (file.stages[i].name == name) return i;
    return file.stages.size();
}

/// Stages in an order in which each comes after those whose points it copies; what cannot be found or goes in
/// circles is complained of.
std::vector<std::size_t> order_by_each(const SweepFile& file, std::vector<Mistake>& problems) {
    std::vector<std::size_t> order;
    std::vector<int> state(file.stages.size());
    const auto visit = [&](const auto& self, std::size_t stage) -> void {
        if (state[stage] == 2) return;
        if (state[stage] == 1)
            return problems.push_back(
                {file.stages[stage].place,
                 fmt::format("stage '{}' has a run for each run of itself, through 'each'",
                             file.stages[stage].name)});
        state[stage] = 1;
        const std::string& each = file.stages[stage].each;
        if (const auto parent = stage_index(file, each); !each.empty() && parent < file.stages.size())
            self(self, parent);
        state[stage] = 2;
        order.push_back(stage);
    };
    for (std::size_t i = 0; i < file.stages.size(); ++i) visit(visit, i);
    return order;
}

void check_stage_names(const SweepFile& file, std::vector<Mistake>& problems) {
    std::vector<std::string> known;
    for (const Stage& stage : file.stages) known.push_back(stage.name);
    for (const Stage& stage : file.stages) {
        std::vector<std::string> named = stage.after;
        if (!stage.each.empty()) named.push_back(stage.each);
        for (const std::string& name : named)
            if (stage_index(file, name) == file.stages.size())
                problems.push_back(
                    {stage.place, fmt::format("stage '{}' names the stage '{}', which is not there{}",
                                              stage.name, name, did_you_mean(name, known))});
    }
}

/// In the order in which they were found, each once.
std::vector<Mistake> each_once(std::vector<Mistake> problems) {
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(problems,
                  [&](const Mistake& one) { return !seen.emplace(one.place.text(), one.text).second; });
    return problems;
}

}  // namespace

std::string key_text(Key key) { return fmt::format("{:016x}", key); }

Plan::Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

Plan Plan::load(const std::string& path, const std::string& scale) {
    std::string text;
    try {
        text = read_text(path);
    } catch (const StorageError& error) {
        fail<ConfigError>("{}: no sweep file to read", error.what());
    }
    return parse(text, path, scale);
}

Plan Plan::parse(const std::string& text, const std::string& name, const std::string& scale) {
    std::vector<Mistake> problems;
    Plan plan;
    plan.file_ = std::make_unique<SweepFile>(parse_sweep(text, name, scale, problems));
    const SweepFile& file = *plan.file_;
    check_stage_names(file, problems);
    std::map<std::string, std::string> hashes;
    const ContentHash hash = [&](const std::string& path) {
        const auto known = hashes.find(path);
        return known != hashes.end() ? known->second : hashes[path] = content_hash_of(path);
    };
    plan.grids_.resize(file.stages.size());
    bool usable = !file.stages.empty();
    for (const std::size_t i : order_by_each(file, problems)) {
        const Stage& stage = file.stages[i];
        const auto parent = stage_index(file, stage.each);
        const Grid* grid =
            stage.each.empty() || parent == file.stages.size() ? nullptr : plan.grids_[parent].get();
        plan.grids_[i] = std::make_unique<Grid>(stage, grid, hash, problems);
        usable = usable && plan.grids_[i]->usable();
    }
    plan.first_.push_back(0);
    for (const auto& grid : plan.grids_) plan.first_.push_back(plan.first_.back() + grid->size());
    if (usable) {
        for (const auto& grid : plan.grids_) grid->check_points(problems);
        plan.link(problems);
    }
    throw_problems(each_once(std::move(problems)));
    plan.name_keys();
    plan.frozen_ = frozen_text(absolute_paths(file, plan.grids_));
    return plan;
}

void Plan::link(std::vector<Mistake>& problems) {
    links_ = std::make_unique<Links>(*file_, grids_, problems);
    before_.resize(file_->stages.size());
    for (std::size_t i = 0; i < file_->stages.size(); ++i)
        for (const std::string& name : file_->stages[i].after)
            if (const auto other = stage_index(*file_, name); other < file_->stages.size())
                before_[i].push_back(other);
    links_->check_circles(before_, problems);
    if (problems.empty()) links_->check_points(problems);
}

std::size_t Plan::stage_of(std::size_t point) const {
    return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), point) - first_.begin()) -
           1;
}

std::pair<std::size_t, std::size_t> Plan::points_of(std::size_t stage) const {
    return {first_[stage], first_[stage + 1]};
}

std::size_t Plan::target(std::size_t stage, std::size_t point, std::size_t reference) const {
    const auto [other, local] = links_->target(stage, point, reference);
    return first_[other] + local;
}

void Plan::name_keys() {
    keys_.resize(first_.back());
    std::vector<const Line*> lines;
    Hasher hasher;
    for (const std::size_t stage : links_->order()) {
        const Grid& grid = *grids_[stage];
        const std::string kind(grid.base().kind()), number = std::to_string(grid.base().results_number());
        for (std::size_t i = 0; i < grid.size(); ++i) {
            grid.lines_of(i, lines);
            hasher.reset().add(kind).add(number);
            for (const Line* line : lines) {
                if (line->reference < 0) {
                    hasher.add(line->text);
                    continue;
                }
                const auto from = static_cast<std::size_t>(line->reference);
                hasher.add(fmt::format("{}run {} {}", line->text, key_text(keys_[target(stage, i, from)]),
                                       grid.references()[from].file));
            }
            keys_[first_[stage] + i] = hasher.digest().high;
        }
    }
    by_key_.reserve(keys_.size());
    for (std::size_t i = 0; i < keys_.size(); ++i)
        by_key_.emplace_back(keys_[i], static_cast<std::uint32_t>(i));
    std::sort(by_key_.begin(), by_key_.end());
    for (std::size_t i = 0; i < by_key_.size(); ++i)
        if (i == 0 || by_key_[i].first != by_key_[i - 1].first) ++runs_;
}

std::size_t Plan::find(Key key) const {
    const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), std::pair{key, std::uint32_t{0}});
    return found == by_key_.end() || found->first != key ? size() : found->second;
}

std::size_t Plan::same_as(std::size_t point) const { return find(keys_[point]); }

std::vector<std::pair<std::string, std::string>> Plan::settings(std::size_t point) const {
    const std::size_t stage = stage_of(point);
    const Grid& grid = *grids_[stage];
    std::vector<std::pair<std::string, std::string>> settings;
    for (std::size_t d = 0; d < grid.dimensions().size(); ++d)
        if (const auto at = grid.choice(point - first_[stage], d); at > 0)
            settings.emplace_back(grid.dimensions()[d].name, grid.dimensions()[d].labels[at - 1]);
    return settings;
}

std::string Plan::name(std::size_t point) const {
    std::string text = file_->stages[stage_of(point)].name;
    for (const auto& [axis, label] : settings(point)) text += fmt::format(" {}={}", axis, label);
    return text;
}

std::vector<std::size_t> Plan::needs(std::size_t point) const {
    const std::size_t stage = stage_of(point);
    const Grid& grid = *grids_[stage];
    if (grid.references().empty()) return {};
    std::vector<const Line*> lines;
    grid.lines_of(point - first_[stage], lines);
    std::vector<std::size_t> needs;
    for (const Line* line : lines)
        if (line->reference >= 0)
            needs.push_back(
                same_as(target(stage, point - first_[stage], static_cast<std::size_t>(line->reference))));
    std::sort(needs.begin(), needs.end());
    needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
    return needs;
}

std::unique_ptr<Job> Plan::job(std::size_t point, const PathOf& path_of) const {
    const std::size_t stage = stage_of(point);
    const Grid& grid = *grids_[stage];
    auto job = grid.job(point - first_[stage]);
    if (grid.references().empty()) return job;
    map_inputs(*job, [&](const std::string& path) {
        if (!is_reference(path)) return path;
        const std::string text = reference_of_path(path);
        for (std::size_t i = 0; i < grid.references().size(); ++i)
            if (grid.references()[i].text == text)
                return path_of(same_as(target(stage, point - first_[stage], i)), grid.references()[i].file);
        return path;
    });
    return job;
}

Plan::Needs Plan::resources(std::size_t point) const {
    const std::size_t stage = stage_of(point);
    const Resources& asked = file_->stages[stage].resources;
    Needs needs;
    needs.ranks = static_cast<int>(asked.ranks);
    const double threads = asked.cpus_per_rank > 0
                               ? static_cast<double>(asked.cpus_per_rank)
                               : grids_[stage]->number("job.threads", point - first_[stage]);
    needs.cpus = needs.ranks * std::max(1, static_cast<int>(threads));
    needs.gpus = needs.ranks * static_cast<int>(asked.gpus_per_rank);
    needs.memory_mb = asked.memory_mb;
    needs.time_s = asked.time_s;
    return needs;
}

double Plan::cost(std::size_t point) const {
    const std::size_t stage = stage_of(point), local = point - first_[stage];
    const Grid& grid = *grids_[stage];
    double cost = 1;
    for (const char* key : {"train.steps", "train.batch", "bench.repetitions"})
        if (const double number = grid.number(key, local); number > 0) cost *= number;
    return cost;
}

std::size_t Plan::bytes_a_run() const {
    std::size_t most = 0;
    for (const auto& grid : grids_) most = std::max(most, grid->bytes_a_point());
    return most + sizeof(Key) + sizeof(std::pair<Key, std::uint32_t>);
}

}  // namespace vtvc::sweep
