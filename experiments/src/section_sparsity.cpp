// Which coefficients survive, and what the gate does.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "charts.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

double setting(const Row& row, const char* key, double otherwise) {
    return row.gate.contains(key) && row.gate[key].is_number() ? row.gate[key].get<double>() : otherwise;
}

std::string gate_of(const ProtocolResults& protocol, const Row& row) {
    for (const auto& [dataset, cells] : row.cells)
        for (const auto& [seed, cell] : cells) {
            if (cell.gate.empty()) continue;
            const bool on = !row.gate.contains("on") || row.gate["on"] != "off";
            return gate_scatter(fmt::format("{}: {}, seed {}", protocol.name, dataset, seed), cell.gate,
                                on ? setting(row, "threshold", .05) : 0, setting(row, "beta", 1));
        }
    return "";
}

std::string sizes(const ProtocolResults& protocol) {
    std::string out;
    double highest = 0;
    std::vector<const Row*> rows;
    for (const Row* row : protocol.in_order()) {
        const bool wanted = row == protocol.main_row() || row->id == "amortised" ||
                            row->id == "per_dataset" || row->id == "atlas" ||
                            row == hard_form(protocol, *protocol.main_row());
        const Grid grid = row->grid(&Cell::size);
        if (!wanted || grid.empty()) continue;
        rows.push_back(row);
        for (double v : grid.values)
            if (std::isfinite(v)) highest = std::max(highest, v);
    }
    for (const Row* row : rows)
        out += heatmap({method_name(row->id), "", "", row->grid(&Cell::size), true,
                        std::max(highest, 1e-9) * 1.0000001});
    return out.empty() ? ""
                       : fold_out(fmt::format("Mean |z| by {} and vector: {}",
                                              protocol.subdomains.empty() ? "data set" : "sub-domain",
                                              escape(protocol.name)),
                                  "<div class=\"panels\">" + out + "</div>");
}

}  // namespace

std::string sparsity_section(const Material& m) {
    std::string out, scatters;
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row* main = protocol.main_row();
        if (!main) continue;
        const Row* hard = hard_form(protocol, *main);
        const Grid blocks = hard->grid(&Cell::block_share);
        if (blocks.empty()) continue;
        out += figure(
            block_map(blocks, fmt::format("{}: {}", protocol.name, method_name(hard->id))),
            fmt::format("Share of test images with a non-zero coefficient, by task vector and block ({} "
                        "blocks, in the order of the network). {} % of all coefficients are exactly zero.",
                        blocks.columns.size(), percent(hard->average(&Cell::zeros))));
        if (protocol.subdomains.empty()) {
            const Grid share = hard->grid(&Cell::hard_share);
            out +=
                figure(heatmap({"Kept, by data set, % of samples", "data set", "task vector", share, true}),
                       "Share of a data set's test images for which the vector is used at all.");
        }
        out += sizes(protocol);
        scatters += gate_of(protocol, *hard);
    }
    if (out.empty()) return "";
    if (!scatters.empty())
        out += figure(
            "<div class=\"panels\">" + scatters + "</div>",
            "The gate: a coefficient is kept where its importance |μ| reaches the threshold (dashed), which "
            "rises with its uncertainty u = tanh(σ/|μ|); above it, the spike drops what has ρ &lt; ½. A "
            "sample of "
            "a few hundred (image, vector, block) triples.");
    return section("sparsity", "Sparsity", out);
}

}  // namespace vtvc::report
