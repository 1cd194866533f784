// How methods and protocols are called and ordered in tables.
#include <algorithm>
#include <array>
#include <utility>

#include "results.hpp"

namespace vtvc::report {
namespace {

// In the order of the tables.
constexpr std::array<std::pair<std::string_view, std::string_view>, 19> known{{
    {"zero_shot", "Base network, z = 0"},
    {"average", "Average, z = 1/K"},
    {"task_arithmetic", "Task arithmetic"},
    {"ties", "TIES"},
    {"atlas", "aTLAS, one learned matrix"},
    {"per_dataset", "One matrix a data set"},
    {"probe", "Linear probe"},
    {"amortised", "Amortised, deterministic"},
    {"gaussian", "Amortised, Gaussian"},
    {"vtvc", "VTVC"},
    {"vtvc_blind", "VTVC, task not told"},
    {"vtvc_sparse", "VTVC, straight-through spikes"},
    {"vtvc_coefficient", "VTVC, spike a coefficient"},
    {"vtvc_no_kl", "VTVC, λγ = 0"},
    {"vtvc_lambda0", "VTVC, λγ = 0"},
    {"vtvc_plain", "VTVC, not hierarchical"},
    {"vtvc_gate_off", "VTVC, gate off"},
    {"vtvc_layer", "VTVC, spike a layer"},
    {"individual", "Individual networks"},
}};
constexpr int last_place = 1000;

// "vtvc_hard" → "vtvc" and ", hard".
std::pair<std::string, std::string> without_mode(const std::string& id) {
    for (const auto& [suffix, words] : {std::pair{"_hard", ", hard"}, std::pair{"_mc", ", Monte Carlo"}})
        if (id.ends_with(suffix)) return {id.substr(0, id.size() - std::string_view(suffix).size()), words};
    return {id, ""};
}

}  // namespace

std::string method_name(const std::string& id) {
    const auto [base, mode] = without_mode(id);
    for (const auto& [name, words] : known)
        if (name == base) return std::string(words) + mode;
    return base + mode;
}

int method_place(const std::string& id) {
    const auto [base, mode] = without_mode(id);
    if (base == "individual") return last_place;
    const int modes = mode.empty() ? 0 : mode == ", hard" ? 1 : 2;
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i].first == base) return static_cast<int>(3 * i) + modes;
    return last_place - 3 + modes;  // unknown ones come before the last
}

std::string protocol_name(const std::string& id) {
    if (id == "addition") return "Addition: one model of all tasks, the task is told";
    if (id == "addition_blind") return "Addition, blind: the posterior is not told the task";
    if (id == "heterogeneous") return "Heterogeneous: mixed sub-domains, the domain is never told";
    if (id == "transfer") return "Transfer: the target's own vector is left out";
    return id;
}

const Row* ProtocolResults::find(const std::string& id) const {
    const auto found = rows.find(id);
    return found == rows.end() ? nullptr : &found->second;
}

std::vector<const Row*> ProtocolResults::in_order() const {
    std::vector<const Row*> out;
    for (const auto& [id, row] : rows) out.push_back(&row);
    std::stable_sort(out.begin(), out.end(),
                     [](const Row* a, const Row* b) { return method_place(a->id) < method_place(b->id); });
    return out;
}

const Row* ProtocolResults::main_row() const {
    for (const char* id : {"vtvc", "vtvc_blind"})
        if (const Row* row = find(id)) return row;
    for (const auto& [id, row] : rows)
        if (id.starts_with("vtvc")) return &row;
    return nullptr;
}

const Row* ProtocolResults::best_fixed() const {
    const Row* best = nullptr;
    for (const char* id : {"zero_shot", "average", "task_arithmetic", "ties"}) {
        const Row* row = find(id);
        if (row && (!best || row->average(&Cell::accuracy) > best->average(&Cell::accuracy))) best = row;
    }
    return best;
}

}  // namespace vtvc::report
