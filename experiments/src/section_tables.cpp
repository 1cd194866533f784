// The tables of results, one a protocol, and their paired differences.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "charts.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

// The values of a column of the accuracy part: of a data set, or of a sub-domain of the only one.
std::vector<double> of_dataset(const Row& row, const std::string& name) {
    return row.values(name, &Cell::accuracy);
}

std::vector<double> of_subdomain(const Row& row, const std::string& name) {
    std::vector<double> out;
    for (const auto& [dataset, cells] : row.cells)
        for (const auto& [seed, cell] : cells)
            if (const auto found = cell.subdomain_accuracy.find(name); found != cell.subdomain_accuracy.end())
                out.push_back(found->second);
    return out;
}

enum class Better { higher, lower, neither };

// Marks the best printed value of a column; the reference row (individual networks) does not compete.
void mark_best(std::vector<std::vector<TableCell>>& rows, std::size_t column,
               const std::vector<double>& values, const std::vector<const Row*>& of, Better better,
               int decimals) {
    if (better == Better::neither) return;
    const double sign = better == Better::higher ? 1 : -1;
    double best = -std::numeric_limits<double>::infinity();
    const auto competes = [&](std::size_t i) { return of[i]->id != "individual" && !std::isnan(values[i]); };
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (competes(i)) best = std::max(best, sign * values[i]);
    for (std::size_t i = 0; i < rows.size(); ++i)  // equal as printed is equal
        if (competes(i) && number(values[i], decimals) == number(sign * best, decimals))
            rows[i][column].best = true;
}

std::string told_words(const Row& row) {
    if (!row.told) return "–";
    return *row.told ? "yes" : "no";
}

std::int64_t images_of(const ProtocolResults& protocol) {
    std::int64_t out = 0;
    for (const std::string& dataset : protocol.datasets)
        for (const auto& [id, row] : protocol.rows)
            if (const auto found = row.cells.find(dataset); found != row.cells.end()) {
                out += found->second.begin()->second.images;
                break;
            }
    return out;
}

std::string caption_of(const ProtocolResults& protocol, bool by_subdomain) {
    const Row* main = protocol.main_row();
    std::string told = "no posterior in this table";
    if (main && main->told)
        told = *main->told ? "the posterior is told the task" : "the posterior is not told the task";
    const bool partial = std::any_of(protocol.rows.begin(), protocol.rows.end(), [&](const auto& entry) {
        return entry.second.cells.size() < protocol.datasets.size();
    });
    return fmt::format(
        "<b>Top-1 accuracy, %</b>, {}; mean ± sd over seeds (no ±: one run, or a method without randomness). "
        "{} test images; {}. Chosen on validation data: hyper-parameters and stopping; see the fold-out. "
        "NLL in nats, ECE with {} bins, %. Zeros: coefficients that are exactly 0. "
        "Bold: best of the column; individual networks are a reference and do not compete.{}",
        by_subdomain ? "by sub-domain" : "by data set", images_of(protocol), told, default_bins,
        partial ? " An average over fewer data sets than the table has is over those shown." : "");
}

Table results_table(const ProtocolResults& protocol) {
    const bool by_subdomain = protocol.datasets.size() == 1 && !protocol.subdomains.empty();
    const std::vector<std::string>& names = by_subdomain ? protocol.subdomains : protocol.datasets;
    const auto values_of = by_subdomain ? of_subdomain : of_dataset;
    const auto rows = protocol.in_order();
    Table table{caption_of(protocol, by_subdomain), {"method"}, {}};
    for (const std::string& name : names) table.head.push_back(escape(name));
    for (const char* h : {"all", "NLL", "ECE", "zeros,<br>%", "coefficients<br>a sample", "seeds"})
        table.head.emplace_back(by_subdomain || std::string_view(h) != "all" ? h : "average");

    for (const Row* row : rows) {
        std::vector<TableCell> line{{escape(method_name(row->id)), false, row->id}};
        for (const std::string& name : names) {
            const auto values = values_of(*row, name);
            line.push_back({with_sd(100 * mean(values), 100 * standard_deviation(values), 1)});
        }
        line.push_back({with_sd(100 * row->average(&Cell::accuracy), 100 * row->spread(&Cell::accuracy), 1)});
        line.push_back({with_sd(row->average(&Cell::nll), row->spread(&Cell::nll), 3)});
        line.push_back({percent(row->average(&Cell::ece))});
        line.push_back({percent(row->average(&Cell::zeros), 0)});
        line.push_back({number(row->average(&Cell::active), 0)});
        line.push_back({std::to_string(row->seeds().size())});
        table.rows.push_back(std::move(line));
    }
    const auto mark = [&](std::size_t column, auto value, Better better, int decimals) {
        std::vector<double> values;
        values.reserve(rows.size());
        for (const Row* row : rows) values.push_back(value(*row));
        mark_best(table.rows, column, values, rows, better, decimals);
    };
    for (std::size_t c = 0; c < names.size(); ++c)
        mark(
            c + 1, [&](const Row& row) { return 100 * mean(values_of(row, names[c])); }, Better::higher, 1);
    const std::size_t after = names.size() + 1;
    mark(
        after, [](const Row& row) { return 100 * row.average(&Cell::accuracy); }, Better::higher, 1);
    mark(
        after + 1, [](const Row& row) { return row.average(&Cell::nll); }, Better::lower, 3);
    mark(
        after + 2, [](const Row& row) { return 100 * row.average(&Cell::ece); }, Better::lower, 1);
    return table;
}

std::string dots(const ProtocolResults& protocol) {
    std::vector<DotRow> rows;
    for (const Row* row : protocol.in_order()) {
        DotRow dot{method_name(row->id), method_colour(row->id), row->average(&Cell::accuracy), {}};
        for (const auto& [seed, value] : row->seed_averages(&Cell::accuracy)) dot.seeds.push_back(value);
        rows.push_back(std::move(dot));
    }
    return figure(dot_plot("top-1 accuracy, %, average over data sets", rows),
                  "Mean over seeds (full dots, number at the right) and the single seeds (pale).");
}

std::string json_words(const nlohmann::json& object) {
    std::vector<std::string> out;
    for (const auto& [key, value] : object.items())
        out.push_back(
            escape(key) + " " +
            escape(value.is_number_float() ? fmt::format("{:.4g}", value.get<double>()) : value.dump()));
    return out.empty() ? "–" : join(out, ", ");
}

std::string selection(const ProtocolResults& protocol) {
    Table table{"How each row came about (of its last run, where runs differ).",
                {"row", "id", "told the task", "family", "partition", "training images",
                 "chosen on validation", "validation result"},
                {}};
    for (const Row* row : protocol.in_order())
        table.rows.push_back({{escape(method_name(row->id))},
                              {"<code>" + escape(row->id) + "</code>"},
                              {told_words(*row)},
                              {escape(row->family)},
                              {escape(row->partition)},
                              {number(row->train_rows, 0)},
                              {json_words(row->selected)},
                              {json_words(row->validation)}});
    return fold_out("How the rows were trained and chosen", table.html());
}

std::string differences(const std::vector<Comparison>& comparisons) {
    if (comparisons.empty()) return "";
    Table table{
        fmt::format(
            "<b>Paired differences</b>, row minus rival, image by image, with 95 % intervals of a bootstrap "
            "over seeds and images. p: sign-flip permutation test over images, Holm-corrected over the {} "
            "tests of this table. †: the best of the fixed merges by <i>test</i> accuracy, which favours the "
            "rival.",
            2 * comparisons.size()),
        {"comparison", "accuracy, points", "p", "NLL, nats", "p", "images", "seeds", ""},
        {}};
    std::vector<IntervalRow> rows;
    for (const Comparison& c : comparisons) {
        const std::string name =
            method_name(c.main) + " − " + method_name(c.rival) + (c.best_fixed ? " †" : "");
        table.rows.push_back({{escape(name)},
                              {with_interval(c.accuracy, 100, 1)},
                              {p_value(c.accuracy_holm)},
                              {with_interval(c.nll, 1, 3)},
                              {p_value(c.nll_holm)},
                              {std::to_string(c.images)},
                              {std::to_string(c.seeds)},
                              {escape(c.remark)}});
        rows.push_back({name, 100 * c.accuracy.difference, 100 * c.accuracy.interval.low,
                        100 * c.accuracy.interval.high});
    }
    return table.html() + figure(interval_plot("difference in accuracy, points", rows),
                                 "Blue: the interval lies above zero; orange: below; grey: it holds zero.");
}

}  // namespace

std::string with_interval(const BootstrapResult& result, double scale, int decimals) {
    return fmt::format("{} [{}, {}]", signed_number(scale * result.difference, decimals),
                       signed_number(scale * result.interval.low, decimals),
                       signed_number(scale * result.interval.high, decimals));
}

std::string table_section(const Material& m) {
    std::string out;
    for (const ProtocolResults& protocol : m.results.protocols) {
        out += fmt::format("<h3 id=\"{}\">{}</h3>\n", escape(protocol.name),
                           escape(protocol_name(protocol.name)));
        out += results_table(protocol).html() + dots(protocol);
        if (const auto found = m.comparisons.find(protocol.name); found != m.comparisons.end())
            out += differences(found->second);
        out += selection(protocol);
    }
    return section("tables", "Results", out);
}

}  // namespace vtvc::report
