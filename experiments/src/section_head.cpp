// What was run, with what, and the first picture.
#include <fmt/format.h>

#include <set>

#include "charts.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

std::set<std::string> provenance_values(const Scan& scan, const char* key) {
    std::set<std::string> out;
    for (const Run& run : scan.runs)
        if (run.provenance.contains(key) && run.provenance[key].is_string())
            out.insert(run.provenance[key].get<std::string>());
    return out;
}

std::string listed(const std::set<std::string>& values) {
    return values.empty() ? "not recorded" : escape(join({values.begin(), values.end()}, ", "));
}

std::string runs_in_words(const Scan& scan) {
    std::vector<std::string> out;
    for (const char* kind : {"pretrain", "finetune", "head", "bank", "features", "jacobian", "posterior",
                             "baseline", "evaluate"}) {
        std::size_t count = 0;
        for (const Run& run : scan.runs) count += run.kind() == kind;
        if (count > 0) out.push_back(fmt::format("{} {}", count, kind));
    }
    return join(out, ", ");
}

std::string protocol_note(const ProtocolResults& protocol) {
    const Row* main = protocol.main_row();
    std::set<std::int64_t> seeds;
    for (const auto& [id, row] : protocol.rows)
        for (std::int64_t seed : row.seeds()) seeds.insert(seed);
    std::vector<std::string> names, numbers;
    for (const std::string& dataset : protocol.datasets) names.push_back(escape(dataset));
    for (std::int64_t seed : seeds) numbers.push_back(std::to_string(seed));
    std::string out =
        fmt::format("<b>{}</b>. Data: {}", escape(protocol_name(protocol.name)), join(names, ", "));
    if (!protocol.subdomains.empty()) out += fmt::format(", {} sub-domains", protocol.subdomains.size());
    out += fmt::format("; seeds {}", join(numbers, ", "));
    if (!protocol.heads.empty()) {
        std::vector<std::string> heads;
        for (const std::string& head : protocol.heads) heads.push_back(escape(head));
        out += fmt::format("; heads: {}", join(heads, ", "));
    }
    if (main && main->told)
        out += *main->told ? "; the posterior is told which data set a sample is of"
                           : "; the posterior is told neither task nor domain";
    return "<li>" + out + ".</li>\n";
}

std::string hashes(const Results& results) {
    Table table{"Content hashes of what was evaluated.", {"", "kind", "XXH3-128"}, {}};
    for (const auto& [key, info] : results.datasets)
        table.rows.push_back({{escape(info.name)}, {"data set"}, {"<code>" + escape(info.hash) + "</code>"}});
    int number = 0;
    for (const auto& [hash, run] : results.banks)
        table.rows.push_back(
            {{fmt::format("bank {}", ++number)}, {"bank"}, {"<code>" + escape(hash) + "</code>"}});
    return table.html();
}

std::string run_list(const Scan& scan) {
    Table table{"Finished runs that were read.", {"run", "kind", "id", "commit"}, {}};
    for (const Run& run : scan.runs) {
        const auto commit = run.provenance.contains("commit") && run.provenance["commit"].is_string()
                                ? run.provenance["commit"].get<std::string>()
                                : std::string("–");
        table.rows.push_back({{escape(run.name)},
                              {escape(run.kind())},
                              {"<code>" + escape(run.id) + "</code>"},
                              {"<code>" + escape(commit) + "</code>"}});
    }
    return table.html();
}

}  // namespace

const Row* hard_form(const ProtocolResults& protocol, const Row& row) {
    const Row* hard = protocol.find(row.id + "_hard");
    return hard ? hard : &row;
}

std::string head_section(const Material& m) {
    std::string out = fmt::format("<h1>{}</h1>\n", escape(m.title));
    out += fmt::format(
        "<p class=\"lead\">Variational task vector composition: coefficients z(x) of K task vectors, block "
        "by block, "
        "drawn for each sample from a posterior. Every number below comes from images of the test splits, "
        "which no "
        "run that trains or selects can open.</p>\n<ul>\n");
    for (const ProtocolResults& protocol : m.results.protocols) out += protocol_note(protocol);
    out += fmt::format("<li>Runs: {}. Code version: {}. Machine: {}.</li>\n</ul>\n",
                       escape(runs_in_words(m.scan)), listed(provenance_values(m.scan, "commit")),
                       listed(provenance_values(m.scan, "host")));
    out += fold_out("Hashes of data sets and banks; the runs", hashes(m.results) + run_list(m.scan));
    return out;
}

std::string inclusion_section(const Material& m) {
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row* main = protocol.main_row();
        if (protocol.subdomains.empty() || !main) continue;
        const Row* hard = hard_form(protocol, *main);
        const Grid share = hard->grid(&Cell::hard_share), rho = main->grid(&Cell::rho);
        if (share.empty()) continue;
        std::string pictures =
            heatmap({"Kept: share of samples that use the vector, %", "sub-domain", "task vector", share});
        if (!rho.empty())
            pictures += heatmap({"Inclusion probability ρ, mean, %", "sub-domain", "task vector", rho});
        std::string out =
            figure("<div class=\"panels\">" + pictures + "</div>",
                   fmt::format(
                       "<b>Which task vectors a sample uses, by its sub-domain.</b> The sub-domain was never "
                       "told. Left: share of test images for which at least one coefficient of the vector is "
                       "not zero ({}). Right: mean inclusion probability, spike and gate together. {}.",
                       escape(method_name(hard->id)), counted(main->seeds().size(), "seed")));
        std::string others;
        for (const Row* row : protocol.in_order()) {
            if (row == hard || !row->id.starts_with("vtvc") || !row->id.ends_with("_hard")) continue;
            others += heatmap({method_name(row->id), "", "", row->grid(&Cell::hard_share), true});
        }
        if (!others.empty())
            out +=
                figure("<div class=\"panels\">" + others + "</div>",
                       "The same share for the controls and ablations. Zeros mean something only beside the "
                       "control whose spike has no KL (λγ = 0).");
        return section("inclusion", "Inclusion map: sub-domain × task vector", out);
    }
    return "";
}

}  // namespace vtvc::report
