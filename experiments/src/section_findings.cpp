// Warnings, what was expected beside what was found, and the limits, all written from the data.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "html.hpp"
#include "sections.hpp"

namespace vtvc::report {
namespace {

struct Expectation {
    std::string text, found;
    std::optional<bool> holds = std::nullopt;  ///< nothing: could not be judged
    bool within_error = false;                 ///< the 95 % interval holds the bound
};

const ProtocolResults* find(const Results& results, const std::string& name) {
    for (const ProtocolResults& protocol : results.protocols)
        if (protocol.name == name) return &protocol;
    return nullptr;
}

// main − rival ≥ least, in accuracy averaged over the data sets of both.
Expectation at_least(const std::string& text, const Row* main, const Row* rival, double least) {
    if (!main || !rival) return {text, "not run"};
    const auto sets = pair_up(*main, *rival, &Cell::correct);
    if (sets.empty()) return {text, "no image in both"};
    const BootstrapResult result = paired_bootstrap(sets, resampling_seed);
    return {text, with_interval(result, 100, 1) + " points", result.difference >= least - 1e-12,
            result.interval.low < least && least <= result.interval.high};
}

std::vector<Expectation> expectations(const Results& results) {
    std::vector<Expectation> out;
    if (const ProtocolResults* p = find(results, "heterogeneous"); p && p->main_row()) {
        const Row* main = p->main_row();
        out.push_back(
            at_least("Heterogeneous: about 20 points (15 at least) above one matrix for the data set", main,
                     p->find("per_dataset"), .15));
        Expectation gain = at_least(
            "Heterogeneous: 1 point or more above the deterministic network, more than half of the "
            "coefficients zero",
            main, p->find("amortised"), .01);
        const double zeros = hard_form(*p, *main)->average(&Cell::zeros);
        gain.found += fmt::format(" ({}); {} % zeros ({})", method_name(main->id), percent(zeros, 0),
                                  method_name(hard_form(*p, *main)->id));
        if (gain.holds && !(zeros > .5)) {
            gain.holds = false;
            gain.within_error = false;
        }
        out.push_back(gain);
    }
    if (const ProtocolResults* p = find(results, "addition"); p && p->main_row())
        out.push_back(at_least("Addition, task told: no worse than one matrix a data set", p->main_row(),
                               p->find("per_dataset"), 0));
    if (const ProtocolResults* p = find(results, "addition_blind"); p && p->main_row())
        out.push_back(at_least("Addition, blind: 3 points or more above the best fixed merge", p->main_row(),
                               p->best_fixed(), .03));
    if (const ProtocolResults* p = find(results, "transfer"); p && p->main_row()) {
        out.push_back(
            at_least("Transfer: 3 points or more above aTLAS", p->main_row(), p->find("atlas"), .03));
        Expectation probe =
            at_least("Transfer: against a linear probe on every label the pipeline saw (open)", p->main_row(),
                     p->find("probe"), 0);
        probe.holds.reset();
        out.push_back(probe);
    }
    for (const char* name : {"addition", "addition_blind"}) {
        const ProtocolResults* p = find(results, name);
        if (!p || !p->find("individual") || !p->find("zero_shot")) continue;
        const double individual = p->find("individual")->average(&Cell::accuracy);
        out.push_back(at_least(fmt::format("{}: fine-tuning is worth 15 points or more in the mean",
                                           std::string(name) == "addition" ? "Addition" : "Addition, blind"),
                               p->find("individual"), p->find("zero_shot"), .15));
        out.push_back({"Individual networks are not saturated: below 99.5 %", percent(individual) + " %",
                       individual < .995});
        break;
    }
    return out;
}

std::string holds_words(const Expectation& e) {
    if (!e.holds) return "–";
    return fmt::format("<span class=\"{0}\">{0}</span>{1}", *e.holds ? "yes" : "no",
                       e.within_error ? ", within error" : "");
}

std::string expectation_table(const Results& results) {
    const auto found = expectations(results);
    if (found.empty()) return "";
    Table table{
        "<b>What was expected, and what came out.</b> Within error: the 95 % interval holds the bound.",
        {"expectation", "found", "holds"},
        {}};
    for (const Expectation& e : found)
        table.rows.push_back({{escape(e.text)}, {escape(e.found)}, {holds_words(e)}});
    table.words = true;
    return table.html();
}

std::string warnings(const Material& m) {
    // By signature: how often, in which runs, one text.
    struct Seen {
        std::size_t count = 0;
        std::set<std::string> runs;
        std::string text;
    };
    std::map<std::string, Seen> seen;
    for (const Run& run : m.scan.runs)
        if (const auto log = m.logs.find(run.id); log != m.logs.end())
            for (const auto& warning : log->second.warnings) {
                Seen& s = seen[warning.signature];
                ++s.count;
                s.runs.insert(run.name);
                s.text = warning.text;
            }
    if (seen.empty())
        return paragraph(
            "No failure signature (accuracy falling with uncertainty, too many non-zeros, flipping gate, "
            "collapse) was printed while training.");
    Table table{
        "<b>Failure signatures</b> printed while training.", {"signature", "times", "runs", "last text"}, {}};
    for (const auto& [signature, s] : seen) {
        std::vector<std::string> names(s.runs.begin(), s.runs.end());
        const std::size_t all = names.size();
        if (all > 6) names.resize(6);
        table.rows.push_back(
            {{escape(signature)},
             {std::to_string(s.count)},
             {escape(join(names, ", ")) + (all > 6 ? fmt::format(" and {} more", all - 6) : "")},
             {escape(s.text)}});
    }
    table.words = true;
    return table.html();
}

std::vector<std::string> limits(const Material& m) {
    std::vector<std::string> out;
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row* main = protocol.main_row();
        if (!main) continue;
        double images = 0;
        for (const auto& [dataset, cells] : main->cells)
            images += static_cast<double>(cells.begin()->second.images);
        const double p = main->average(&Cell::accuracy);
        out.push_back(
            fmt::format("{}: {} test images, so one accuracy has a standard error of about {} points; paired "
                        "differences are sharper. {} of the posterior.",
                        protocol.name, number(images, 0), percent(std::sqrt(p * (1 - p) / images)),
                        counted(main->seeds().size(), "seed")));
    }
    std::size_t banks = 0;
    for (const ProtocolResults& protocol : m.results.protocols)
        banks = std::max(banks, protocol.banks.size());
    out.push_back(
        fmt::format("{} of task vectors a table at most: spread over base networks and fine-tunings is {}.",
                    counted(banks, "bank"), banks > 1 ? "seen in part" : "not measured"));
    out.emplace_back(
        "p values ask whether a difference holds for other images of the same kind, given these networks and "
        "seeds. They say nothing of other data.");
    out.emplace_back(
        "Training minimises a relaxed bound (binary concrete, weighted KL): an approximation of the ELBO, "
        "not the ELBO itself.");
    for (const ProtocolResults& protocol : m.results.protocols)
        for (const char* id : {"vtvc_lambda0_hard", "vtvc_no_kl_hard"})
            if (const Row* control = protocol.find(id), *main = protocol.main_row(); control && main) {
                const double with = hard_form(protocol, *main)->average(&Cell::zeros),
                             without = control->average(&Cell::zeros);
                out.push_back(
                    fmt::format("{}: {} % zeros with the spike's KL, {} % without it (λγ = 0): {}.",
                                protocol.name, percent(with, 0), percent(without, 0),
                                with > without ? "the KL adds zeros" : "the zeros do not come from the KL"));
            }
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row *main = protocol.main_row(), *rival = protocol.find("amortised");
        if (!main || !rival) continue;
        if (main->average(&Cell::ece) >= rival->average(&Cell::ece))
            out.push_back(
                fmt::format("{}: {} is not better calibrated than the deterministic network (ECE {} : {} %).",
                            protocol.name, method_name(main->id), percent(main->average(&Cell::ece)),
                            percent(rival->average(&Cell::ece))));
        if (main->average(&Cell::nll) >= rival->average(&Cell::nll))
            out.push_back(fmt::format("{}: its NLL is not lower either ({} : {} nats).", protocol.name,
                                      number(main->average(&Cell::nll), 3),
                                      number(rival->average(&Cell::nll), 3)));
    }
    return out;
}

std::string list(const std::vector<std::string>& lines) {
    std::string out = "<ul>\n";
    for (const std::string& line : lines) out += "<li>" + escape(line) + "</li>\n";
    return out + "</ul>\n";
}

}  // namespace

std::string findings_section(const Material& m) {
    std::string out = expectation_table(m.results) + warnings(m) + "<h3>Limits</h3>\n" + list(limits(m));
    std::vector<std::string> notes = m.scan.notes;
    notes.insert(notes.end(), m.results.notes.begin(), m.results.notes.end());
    if (!notes.empty()) out += "<h3>Notes of this report</h3>\n" + list(notes);
    return section("findings", "Expectations, warnings and limits", out);
}

}  // namespace vtvc::report
