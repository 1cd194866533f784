// Whether coefficients of one's own matter, and what the variational part buys and costs.
#include <fmt/format.h>

#include <cmath>

#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

std::string versus(const Row& row, const Row* rival, std::vector<double> Cell::*what, double scale,
                   int decimals) {
    if (!rival || rival == &row) return "–";
    const auto sets = pair_up(row, *rival, what);
    return sets.empty() ? "–" : with_interval(paired_bootstrap(sets, resampling_seed), scale, decimals);
}

// The cells of row that some control has too: its own accuracy must be of the same seeds.
Row like(const Row& row, const Row* averaged, const Row* shuffled) {
    Row out = row;
    const auto has = [](const Row* control, const std::string& dataset, std::int64_t seed) {
        return control && control->cells.contains(dataset) && control->cells.at(dataset).contains(seed);
    };
    for (auto& [dataset, cells] : out.cells)
        std::erase_if(cells, [&, name = dataset](const auto& entry) {
            return !has(averaged, name, entry.first) && !has(shuffled, name, entry.first);
        });
    std::erase_if(out.cells, [](const auto& entry) { return entry.second.empty(); });
    return out;
}

std::vector<TableCell> replaced_row(const std::string& name, const Row& all, const Row* averaged,
                                    const Row* shuffled) {
    const Row row = like(all, averaged, shuffled);
    const double square = row.average(&Cell::z_square), variance = row.average(&Cell::z_variance);
    return {{escape(name)},
            {percent(row.average(&Cell::accuracy))},
            {averaged ? percent(averaged->average(&Cell::accuracy)) : "–"},
            {versus(row, averaged, &Cell::correct, 100, 1)},
            {shuffled ? percent(shuffled->average(&Cell::accuracy)) : "–"},
            {versus(row, shuffled, &Cell::correct, 100, 1)},
            {number(std::sqrt(variance), 3)},
            {number(std::sqrt(square), 3)},
            {percent(square > 0 ? variance / square : nan, 1)},
            {std::to_string(row.seeds().size())}};
}

Row only(const Row& row, const std::string& dataset) {
    Row out = row;
    std::erase_if(out.cells, [&](const auto& entry) { return entry.first != dataset; });
    return out;
}

const Row* control(const std::map<std::string, Row>& modes, const char* mode) {
    const auto found = modes.find(mode);
    return found == modes.end() ? nullptr : &found->second;
}

const std::vector<std::string> replaced_head{"method",
                                             "accuracy with<br>own z, %",
                                             "z averaged over<br>the data set, %",
                                             "own − averaged",
                                             "another<br>sample's z, %",
                                             "own − another's",
                                             "sd of z within<br>a data set",
                                             "root mean<br>square of z",
                                             "variance within,<br>% of the square",
                                             "seeds"};

}  // namespace

std::string per_sample_section(const Material& m) {
    std::string out;
    for (const ProtocolResults& protocol : m.results.protocols) {
        Table table{fmt::format("<b>{}</b>. Points of accuracy; intervals as above.", escape(protocol.name)),
                    replaced_head,
                    {}};
        Table detail{"", replaced_head, {}};
        for (const auto& [method, modes] : protocol.controls) {
            const Row* row = protocol.find(method);
            if (!row) continue;
            const Row *averaged = control(modes, "averaged"), *shuffled = control(modes, "shuffled");
            table.rows.push_back(replaced_row(method_name(method), *row, averaged, shuffled));
            for (const auto& [dataset, cells] : row->cells) {
                if (row->cells.size() < 2) continue;
                const Row own = only(*row, dataset);
                const Row a = averaged ? only(*averaged, dataset) : Row{},
                          s = shuffled ? only(*shuffled, dataset) : Row{};
                detail.rows.push_back(replaced_row(method_name(method) + ": " + dataset, own,
                                                   a.cells.empty() ? nullptr : &a,
                                                   s.cells.empty() ? nullptr : &s));
            }
        }
        if (table.rows.empty()) continue;
        out += table.html();
        if (!detail.rows.empty()) out += fold_out("By data set: " + escape(protocol.name), detail.html());
    }
    if (out.empty()) return "";
    return section(
        "per-sample", "Does per sample matter?",
        paragraph("The same images and networks, with the coefficients replaced: by their mean over the "
                  "data set, and by those of another image of the same set. Where neither costs accuracy, "
                  "one matrix for the data set would have done.") +
            out);
}

std::string price_section(const Material& m) {
    std::string out;
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row* rival = protocol.find("amortised");
        if (!rival || !protocol.main_row()) continue;
        Table table{
            fmt::format("<b>{}</b>. Differences to the deterministic network, paired, 95 % intervals.",
                        escape(protocol.name)),
            {"method", "accuracy, %", "difference, points", "NLL, nats", "difference, nats", "ECE, %",
             "zeros, %", "coefficients<br>a sample", "training, s"},
            {}};
        for (const Row* row : protocol.in_order()) {
            if (row != rival && row->id != "gaussian" && !row->id.starts_with("vtvc") &&
                !row->id.starts_with("gaussian_"))
                continue;
            std::vector<double> seconds;
            for (const auto& [seed, value] : row->train_seconds) seconds.push_back(value);
            table.rows.push_back({{escape(method_name(row->id))},
                                  {percent(row->average(&Cell::accuracy))},
                                  {versus(*row, rival, &Cell::correct, 100, 1)},
                                  {number(row->average(&Cell::nll), 3)},
                                  {versus(*row, rival, &Cell::loss, 1, 3)},
                                  {percent(row->average(&Cell::ece))},
                                  {percent(row->average(&Cell::zeros), 0)},
                                  {number(row->average(&Cell::active), 0)},
                                  {number(mean(seconds), 0)}});
        }
        if (table.rows.size() > 1) out += table.html();
    }
    if (out.empty()) return "";
    return section(
        "price", "What the variational part buys and costs",
        paragraph("The rival is the same amortised network trained without spike, slab or KL, on the same "
                  "images with the same budget. Training seconds are those of the chosen settings, "
                  "without the search on validation data, and depend on what else the machine did.") +
            out);
}

}  // namespace vtvc::report
