// How far confidence can be trusted.
#include <fmt/format.h>

#include "charts.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

// Bins of all data sets and seeds of a row, pooled.
std::vector<ReliabilityBin> pooled(const Row& row) {
    std::vector<ReliabilityBin> out(static_cast<std::size_t>(default_bins));
    for (const auto& [dataset, cells] : row.cells)
        for (const auto& [seed, cell] : cells)
            for (std::size_t b = 0; b < out.size(); ++b) {
                const ReliabilityBin& bin = cell.reliability[b];
                const double weight = static_cast<double>(bin.count);
                out[b].count += bin.count;
                out[b].confidence += weight * bin.confidence;
                out[b].accuracy += weight * bin.accuracy;
            }
    for (ReliabilityBin& bin : out)
        if (bin.count > 0) {
            bin.confidence /= static_cast<double>(bin.count);
            bin.accuracy /= static_cast<double>(bin.count);
        }
    return out;
}

std::string curves(const ProtocolResults& protocol) {
    std::vector<Series> series;
    std::vector<std::vector<double>> shares;
    for (const Row* row : protocol.in_order()) {
        const bool wanted = row == protocol.main_row() || row == hard_form(protocol, *protocol.main_row()) ||
                            row->id == "amortised" || row->id == "per_dataset" || row->id == "probe" ||
                            row == protocol.best_fixed();
        if (!wanted) continue;
        Series s{method_name(row->id), method_colour(row->id), {}};
        double total = 0;
        std::vector<double> share;
        for (const ReliabilityBin& bin : pooled(*row)) total += static_cast<double>(bin.count);
        for (const ReliabilityBin& bin : pooled(*row)) {
            if (static_cast<double>(bin.count) < .01 * total) continue;  // a handful of images says nothing
            s.points.emplace_back(bin.confidence, bin.accuracy);
            share.push_back(static_cast<double>(bin.count) / total);
        }
        series.push_back(std::move(s));
        shares.push_back(std::move(share));
    }
    return series.empty() ? "" : reliability_chart(protocol.name, series, shares);
}

}  // namespace

std::string calibration_section(const Material& m) {
    std::string charts, tables;
    for (const ProtocolResults& protocol : m.results.protocols) {
        if (!protocol.main_row()) continue;
        charts += curves(protocol);
        Table table{fmt::format("<b>{}</b>, averages over data sets and seeds.", escape(protocol.name)),
                    {"method", "NLL, nats", "Brier", "ECE", "ECE, adaptive", "AUROC of entropy<br>for errors",
                     "accuracy of the<br>least certain tenth, %", "epistemic<br>entropy, nats",
                     "AUROC of epistemic<br>for errors"},
                    {}};
        for (const Row* row : protocol.in_order())
            table.rows.push_back({{escape(method_name(row->id))},
                                  {number(row->average(&Cell::nll), 3)},
                                  {number(row->average(&Cell::brier), 3)},
                                  {percent(row->average(&Cell::ece))},
                                  {percent(row->average(&Cell::adaptive_ece))},
                                  {number(row->average(&Cell::entropy_auroc), 3)},
                                  {percent(row->average(&Cell::uncertain_accuracy))},
                                  {number(row->average(&Cell::epistemic), 3)},
                                  {number(row->average(&Cell::epistemic_auroc), 3)}});
        tables += table.html();
    }
    if (charts.empty()) return "";
    return section(
        "calibration", "Calibration",
        figure("<div class=\"panels\">" + charts + "</div>",
               fmt::format("Reliability: accuracy against confidence in {} bins of equal width, data sets "
                           "and seeds pooled. On the dashed line confidence is right; below it, too high. "
                           "The area of a dot is the bin's share of images; bins with less than 1 % of "
                           "them are left out.",
                           default_bins)) +
            tables +
            "<p class=\"note\">ECE in %, equal-width and equal-count bins. Epistemic entropy, H(p̄) − mean "
            "H(p<sub>s</sub>), exists for Monte Carlo evaluation only.</p>\n");
}

}  // namespace vtvc::report
