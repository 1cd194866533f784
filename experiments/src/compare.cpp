#include "compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace vtvc::report {
namespace {

const Cell& rival_cell(const std::map<std::int64_t, Cell>& cells, std::int64_t seed) {
    const auto found = cells.find(seed);
    return found != cells.end() ? found->second : cells.begin()->second;
}

// Seeds for which the main row has every one of the data sets.
std::vector<std::int64_t> common_seeds(const Row& main, const std::vector<std::string>& datasets) {
    std::vector<std::int64_t> out;
    for (std::int64_t seed : main.seeds())
        if (std::all_of(datasets.begin(), datasets.end(),
                        [&](const std::string& d) { return main.cells.at(d).contains(seed); }))
            out.push_back(seed);
    return out;
}

std::vector<std::string> common_datasets(const Row& main, const Row& rival) {
    std::vector<std::string> out;
    for (const auto& [dataset, cells] : main.cells)
        if (rival.cells.contains(dataset)) out.push_back(dataset);
    return out;
}

Comparison compare_rows(const Row& main, const Row& rival) {
    Comparison out;
    out.main = main.id;
    out.rival = rival.id;
    const auto correct = pair_up(main, rival, &Cell::correct), loss = pair_up(main, rival, &Cell::loss);
    if (correct.empty()) return out;
    out.accuracy = paired_bootstrap(correct, resampling_seed);
    out.nll = paired_bootstrap(loss, resampling_seed);
    out.accuracy_p = permutation_test(correct, resampling_seed);
    out.nll_p = permutation_test(loss, resampling_seed);
    for (const PairedDifferences& set : correct) out.images += set.images;
    out.seeds = correct.front().seeds;
    if (correct.size() < main.cells.size())
        out.remark = fmt::format("on {} of {} data sets", correct.size(), main.cells.size());
    return out;
}

}  // namespace

std::vector<PairedDifferences> pair_up(const Row& main, const Row& rival, std::vector<double> Cell::*what) {
    std::vector<PairedDifferences> out;
    const auto datasets = common_datasets(main, rival);
    const auto seeds = common_seeds(main, datasets);
    if (seeds.empty()) return {};
    for (const std::string& dataset : datasets) {
        const auto& ours = main.cells.at(dataset);
        const auto& theirs = rival.cells.at(dataset);
        // Images that every run involved has seen, in the order of the first.
        std::unordered_map<std::int64_t, std::size_t> seen;
        const auto count = [&](const Cell& cell) {
            for (std::int64_t id : cell.ids) ++seen[id];
        };
        for (std::int64_t seed : seeds) {
            count(ours.at(seed));
            count(rival_cell(theirs, seed));
        }
        std::vector<std::int64_t> images;
        for (std::int64_t id : ours.at(seeds.front()).ids)
            if (seen[id] == 2 * seeds.size()) images.push_back(id);
        if (images.empty()) continue;
        PairedDifferences set{
            static_cast<std::int64_t>(seeds.size()), static_cast<std::int64_t>(images.size()), {}};
        const auto by_id = [&](const Cell& cell) {
            std::unordered_map<std::int64_t, double> values;
            for (std::size_t i = 0; i < cell.ids.size(); ++i) values.emplace(cell.ids[i], (cell.*what)[i]);
            return values;
        };
        for (std::int64_t seed : seeds) {
            const auto a = by_id(ours.at(seed)), b = by_id(rival_cell(theirs, seed));
            for (std::int64_t id : images) set.values.push_back(a.at(id) - b.at(id));
        }
        out.push_back(std::move(set));
    }
    return out;
}

std::vector<Comparison> compare(const ProtocolResults& protocol) {
    const Row* main = protocol.main_row();
    std::vector<Comparison> out;
    if (!main) return out;
    const Row* fixed = protocol.best_fixed();
    const auto against = [&](const Row* ours, const Row* rival) {
        if (!ours || !rival || ours == rival || common_datasets(*ours, *rival).empty()) return;
        out.push_back(compare_rows(*ours, *rival));
        out.back().best_fixed = rival == fixed;
    };
    against(main, protocol.find("per_dataset"));
    against(main, protocol.find("amortised"));
    against(main, fixed);
    against(main, protocol.find("atlas"));
    against(main, protocol.find("probe"));
    against(protocol.find(main->id + "_hard"), protocol.find("amortised"));

    std::vector<double> p;
    for (const Comparison& c : out) p.insert(p.end(), {c.accuracy_p, c.nll_p});
    const auto corrected = holm(p);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i].accuracy_holm = corrected[2 * i];
        out[i].nll_holm = corrected[2 * i + 1];
    }
    return out;
}

}  // namespace vtvc::report
