// From a set of predictions to numbers.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "results.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::report {
namespace {

constexpr std::int64_t gate_points = 400;  // more would only darken the picture

// Rows that belong together in the maps: a sub-domain, or the whole set.
struct Group {
    std::string name;
    std::vector<std::size_t> rows;
};

std::vector<Group> groups_of(const PredictionSet& set, const std::vector<std::string>& names) {
    std::map<std::int32_t, std::vector<std::size_t>> by_number;
    for (std::size_t i = 0; i < set.subdomains.size(); ++i)
        if (set.subdomains[i] >= 0) by_number[set.subdomains[i]].push_back(i);
    std::vector<Group> out;
    for (auto& [number, rows] : by_number) {
        const auto at = static_cast<std::size_t>(number);
        out.push_back(
            {at < names.size() ? names[at] : "sub-domain " + std::to_string(number), std::move(rows)});
    }
    if (out.empty()) {
        Group all{set.dataset, {}};
        for (std::size_t i = 0; i < static_cast<std::size_t>(set.rows); ++i) all.rows.push_back(i);
        out.push_back(std::move(all));
    }
    return out;
}

Grid empty_grid(const std::vector<Group>& groups, const std::vector<std::string>& columns) {
    Grid grid{{}, columns, std::vector<double>(groups.size() * columns.size(), 0.0)};
    for (const Group& group : groups) grid.rows.push_back(group.name);
    return grid;
}

void check_sizes(const PredictionsContents& file, const PredictionSet& set) {
    const auto rows = static_cast<std::size_t>(set.rows), k = static_cast<std::size_t>(set.tasks),
               kj = static_cast<std::size_t>(set.tasks * set.coefficients);
    const auto fits = [&](std::size_t size, std::size_t wanted) { return size == 0 || size == wanted; };
    if (!fits(set.coefficient_values.size(), rows * kj) || !fits(set.inclusion.size(), rows * k) ||
        !fits(set.subdomains.size(), rows) || !fits(set.epistemic.size(), rows) || set.ids.size() != rows ||
        (!set.coefficient_values.empty() &&
         (file.task_names.size() != k || file.coefficient_names.size() * k != kj)))
        fail<StorageError>(
            "arrays of data set '{}', mode '{}', do not fit {} rows, {} vectors, {} coefficients",
            set.dataset, set.mode, set.rows, set.tasks, set.coefficients);
}

void digest_coefficients(const PredictionsContents& file, const PredictionSet& set,
                         const std::vector<Group>& groups, Cell& cell) {
    const auto rows = static_cast<std::size_t>(set.rows), tasks = static_cast<std::size_t>(set.tasks),
               blocks = static_cast<std::size_t>(set.coefficients);
    const std::vector<float>& z = set.coefficient_values;
    cell.hard_share = cell.size = empty_grid(groups, file.task_names);
    for (std::size_t g = 0; g < groups.size(); ++g)
        for (std::size_t i : groups[g].rows)
            for (std::size_t k = 0; k < tasks; ++k) {
                double sum = 0;
                bool any = false;
                for (std::size_t j = 0; j < blocks; ++j) {
                    const float value = z[(i * tasks + k) * blocks + j];
                    sum += std::abs(value);
                    any = any || value != 0;
                }
                const double share = 1 / static_cast<double>(groups[g].rows.size());
                cell.hard_share.values[g * tasks + k] += any ? share : 0;
                cell.size.values[g * tasks + k] += share * sum / static_cast<double>(blocks);
            }

    cell.block_share = {file.task_names, file.coefficient_names, {}};
    double nonzero = 0, square = 0, variance = 0;
    const double n = static_cast<double>(rows);
    for (std::size_t kj = 0; kj < tasks * blocks; ++kj) {
        double sum = 0, squares = 0, here = 0;
        for (std::size_t i = 0; i < rows; ++i) {
            const double value = z[i * tasks * blocks + kj];
            sum += value;
            squares += value * value;
            here += value != 0;
        }
        cell.block_share.values.push_back(here / n);
        nonzero += here;
        square += squares / n;
        variance += std::max(0.0, squares / n - (sum / n) * (sum / n));
    }
    const double count = static_cast<double>(tasks * blocks);
    cell.active = nonzero / n;
    cell.zeros = 1 - nonzero / (n * count);
    cell.z_square = square / count;
    cell.z_variance = variance / count;
}

void digest_gate(const PredictionSet& set, Cell& cell) {
    const auto per_row = static_cast<std::size_t>(set.tasks * set.coefficients);
    const std::size_t all =
        std::min({set.mean.size(), set.uncertainty.size(), set.coefficient_values.size()});
    if (all == 0 || per_row == 0) return;
    // A stride that shares no factor with the row length meets every coefficient.
    std::size_t stride = std::max<std::size_t>(1, all / gate_points);
    while (stride > 1 && std::gcd(stride, per_row) != 1) ++stride;
    for (std::size_t i = 0; i < all; i += stride)
        cell.gate.push_back({set.mean[i], set.uncertainty[i], set.coefficient_values[i] != 0});
}

// From each group the first right and the first wrong prediction, of classes not shown yet where possible.
void digest_examples(const PredictionSet& set, const Predictions& p, const std::vector<Group>& groups,
                     Cell& cell) {
    const auto tasks = static_cast<std::size_t>(set.tasks),
               blocks = static_cast<std::size_t>(set.coefficients);
    std::set<std::int32_t> shown;
    for (const Group& group : groups)
        for (double wanted : {1.0, 0.0}) {
            const auto fits = [&](std::size_t i) { return cell.correct[i] == wanted; };
            auto row = std::find_if(group.rows.begin(), group.rows.end(),
                                    [&](std::size_t i) { return fits(i) && !shown.contains(set.labels[i]); });
            if (row == group.rows.end()) row = std::find_if(group.rows.begin(), group.rows.end(), fits);
            if (row == group.rows.end()) continue;
            const auto at = static_cast<std::int64_t>(*row);
            Example example{set.ids[*row],
                            p.label(at),
                            p.predicted(at),
                            set.subdomains.empty() ? -1 : set.subdomains[*row],
                            p.row(at)[static_cast<std::size_t>(p.predicted(at))],
                            {}};
            for (std::size_t k = 0; k < tasks; ++k) {
                double sum = 0;
                for (std::size_t j = 0; j < blocks; ++j)
                    sum += std::abs(set.coefficient_values[(*row * tasks + k) * blocks + j]);
                example.size_of_vector.push_back(sum / static_cast<double>(blocks));
            }
            shown.insert(example.label);
            cell.examples.push_back(std::move(example));
        }
}

}  // namespace

Cell digest(const PredictionsContents& file, const PredictionSet& set,
            const std::vector<std::string>& subdomain_names) {
    check_sizes(file, set);
    const Predictions p(set.probabilities, set.labels, set.classes);
    Cell cell;
    cell.images = p.rows();
    cell.ids = set.ids;
    cell.vectors = file.task_names;
    cell.correct = correctness(p);
    cell.loss = log_losses(p);
    cell.accuracy = mean(cell.correct);
    cell.nll = mean(cell.loss);
    cell.brier = brier(p);
    cell.reliability = reliability(p);
    cell.ece = calibration_error(cell.reliability);
    cell.adaptive_ece = calibration_error(adaptive_reliability(p));
    std::vector<char> wrong;
    for (double right : cell.correct) wrong.push_back(right == 0);
    const auto entropy = entropies(p);
    cell.entropy_auroc = auroc(entropy, wrong);
    cell.uncertain_accuracy = mean_of_highest(entropy, cell.correct, .1);
    if (!set.epistemic.empty()) {
        const std::vector<double> epistemic(set.epistemic.begin(), set.epistemic.end());
        cell.epistemic = mean(epistemic);
        cell.epistemic_auroc = auroc(epistemic, wrong);
    }

    const auto groups = groups_of(set, subdomain_names);
    if (!set.subdomains.empty() && groups.size() > 1)
        for (const Group& group : groups) {
            double right = 0;
            for (std::size_t i : group.rows) right += cell.correct[i];
            cell.subdomain_accuracy[group.name] = right / static_cast<double>(group.rows.size());
        }
    if (!set.inclusion.empty()) {
        cell.inclusion = mean(std::vector<double>(set.inclusion.begin(), set.inclusion.end()));
        cell.rho = empty_grid(groups, file.task_names);
        for (std::size_t g = 0; g < groups.size(); ++g)
            for (std::size_t i : groups[g].rows)
                for (std::size_t k = 0; k < file.task_names.size(); ++k)
                    cell.rho.values[g * file.task_names.size() + k] +=
                        set.inclusion[i * file.task_names.size() + k] /
                        static_cast<double>(groups[g].rows.size());
    }
    if (!set.coefficient_values.empty()) {
        digest_coefficients(file, set, groups, cell);
        digest_gate(set, cell);
        digest_examples(set, p, groups, cell);
    }
    return cell;
}

}  // namespace vtvc::report
