#include "export.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <set>

namespace vtvc::report {
namespace {

using nlohmann::ordered_json;

// Ten decimals: far below any sampling error, and the same text whatever the last bits were.
ordered_json rounded(double value) {
    if (!std::isfinite(value)) return nullptr;
    return std::round(value * 1e10) / 1e10;
}

ordered_json rounded(const std::vector<double>& values) {
    ordered_json out = ordered_json::array();
    for (double v : values) out.push_back(rounded(v));
    return out;
}

struct Field {
    const char* name;
    double Cell::*what;
};
constexpr std::array<Field, 11> fields{{{"nll", &Cell::nll},
                                        {"brier", &Cell::brier},
                                        {"ece", &Cell::ece},
                                        {"adaptive_ece", &Cell::adaptive_ece},
                                        {"entropy_auroc", &Cell::entropy_auroc},
                                        {"epistemic_auroc", &Cell::epistemic_auroc},
                                        {"epistemic", &Cell::epistemic},
                                        {"uncertain_decile_accuracy", &Cell::uncertain_accuracy},
                                        {"zeros", &Cell::zeros},
                                        {"coefficients_per_sample", &Cell::active},
                                        {"inclusion", &Cell::inclusion}}};

ordered_json dataset_json(const Row& row, const std::string& dataset,
                          const std::vector<std::string>& subdomains) {
    const auto accuracy = row.values(dataset, &Cell::accuracy);
    ordered_json out{{"mean", rounded(mean(accuracy))},
                     {"sd", rounded(standard_deviation(accuracy))},
                     {"values", rounded(accuracy)}};
    for (const Field& field : fields) out[field.name] = rounded(row.value(dataset, field.what));
    const auto& cells = row.cells.at(dataset);
    out["images"] = cells.begin()->second.images;
    ordered_json seeds = ordered_json::array(), runs = ordered_json::array();
    for (const auto& [seed, cell] : cells) {
        seeds.push_back(seed);
        runs.push_back(cell.run);
    }
    out["seeds"] = seeds;
    out["nll_values"] = rounded(row.values(dataset, &Cell::nll));
    out["ece_values"] = rounded(row.values(dataset, &Cell::ece));
    out["runs"] = runs;
    ordered_json by_subdomain = ordered_json::object();
    for (const std::string& name : subdomains) {
        std::vector<double> values;
        for (const auto& [seed, cell] : cells)
            if (const auto found = cell.subdomain_accuracy.find(name); found != cell.subdomain_accuracy.end())
                values.push_back(found->second);
        if (!values.empty())
            by_subdomain[name] = {{"mean", rounded(mean(values))},
                                  {"sd", rounded(standard_deviation(values))},
                                  {"values", rounded(values)}};
    }
    if (!by_subdomain.empty()) out["subdomains"] = by_subdomain;
    return out;
}

ordered_json row_json(const Row& row, const std::vector<std::string>& subdomains) {
    std::vector<double> averages, seconds;
    for (const auto& [seed, value] : row.seed_averages(&Cell::accuracy)) averages.push_back(value);
    for (const auto& [seed, value] : row.train_seconds) seconds.push_back(value);
    ordered_json out{{"mean_accuracy", rounded(row.average(&Cell::accuracy))},
                     {"sd", rounded(standard_deviation(averages))},
                     {"seeds", row.seeds()},
                     {"values", rounded(averages)}};
    for (const Field& field : fields) out[field.name] = rounded(row.average(field.what));
    out["told"] = row.told ? ordered_json(*row.told) : ordered_json(nullptr);
    out["partition"] = row.partition;
    out["family"] = row.family;
    out["train_seconds"] = rounded(mean(seconds));
    for (const auto& [dataset, cells] : row.cells)
        out["datasets"][dataset] = dataset_json(row, dataset, subdomains);
    return out;
}

ordered_json difference_json(const BootstrapResult& result, double p, double corrected) {
    return {{"difference", rounded(result.difference)},
            {"low", rounded(result.interval.low)},
            {"high", rounded(result.interval.high)},
            {"p", rounded(p)},
            {"p_holm", rounded(corrected)}};
}

ordered_json grid_json(const Grid& grid) {
    ordered_json out{{"rows", grid.rows}, {"columns", grid.columns}};
    for (std::size_t r = 0; r < grid.rows.size(); ++r) {
        std::vector<double> row;
        for (std::size_t c = 0; c < grid.columns.size(); ++c) row.push_back(grid.at(r, c));
        out["values"].push_back(rounded(row));
    }
    return out;
}

}  // namespace

std::string results_json(const Results& results, const Comparisons& comparisons) {
    ordered_json out{{"schema", 1}, {"protocols", ordered_json::object()}};
    for (const ProtocolResults& protocol : results.protocols) {
        ordered_json& p = out["protocols"][protocol.name];
        p["methods"] = ordered_json::object();
        for (const Row* row : protocol.in_order())
            p["methods"][row->id] = row_json(*row, protocol.subdomains);
        p["comparisons"] = ordered_json::array();
        if (const auto found = comparisons.find(protocol.name); found != comparisons.end())
            for (const Comparison& c : found->second)
                p["comparisons"].push_back(
                    {{"method", c.main},
                     {"rival", c.rival},
                     {"images", c.images},
                     {"seeds", c.seeds},
                     {"accuracy", difference_json(c.accuracy, c.accuracy_p, c.accuracy_holm)},
                     {"nll", difference_json(c.nll, c.nll_p, c.nll_holm)}});
        p["per_sample"] = ordered_json::object();
        for (const auto& [method, modes] : protocol.controls)
            for (const auto& [mode, row] : modes) p["per_sample"][method][mode] = row_json(row, {});
        p["inclusion"] = ordered_json::object();
        for (const Row* row : protocol.in_order())
            if (const Grid share = row->grid(&Cell::hard_share); !share.empty()) {
                p["inclusion"][row->id]["hard_share"] = grid_json(share);
                if (const Grid rho = row->grid(&Cell::rho); !rho.empty())
                    p["inclusion"][row->id]["rho"] = grid_json(rho);
            }
    }
    return out.dump(1) + "\n";
}

std::string results_csv(const Results& results) {
    // Names are quoted as RFC 4180 has it.
    const auto quoted = [](const std::string& text) {
        if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
        std::string out(1, '"');
        for (char c : text) out.append(c == '"' ? 2 : 1, c);
        out += '"';
        return out;
    };
    const auto cell_text = [](double v) {
        return std::isfinite(v) ? fmt::format("{:.8g}", v) : std::string();
    };
    std::string out = "protocol,method,dataset,seed,images,accuracy";
    for (const Field& field : fields) out += fmt::format(",{}", field.name);
    out += ",run\n";
    for (const ProtocolResults& protocol : results.protocols)
        for (const Row* row : protocol.in_order())
            for (const auto& [dataset, cells] : row->cells)
                for (const auto& [seed, cell] : cells) {
                    out += fmt::format("{},{},{},{},{},{}", quoted(protocol.name), quoted(row->id),
                                       quoted(dataset), seed, cell.images, cell_text(cell.accuracy));
                    for (const Field& field : fields)
                        out += fmt::format(",{}", cell_text(cell.*(field.what)));
                    out += fmt::format(",{}\n", quoted(cell.run));
                }
    return out;
}

}  // namespace vtvc::report
