// Unwraps, recognises, assigns. A candidate is a layout and a prefix under which its anchor is found.
#include "vtvc/imports/mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "layout.hpp"
#include "tangent.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {

/// The prefix of what lies beside the network: "model.visual." → "model.".
std::string_view beside(std::string_view prefix) {
    if (prefix.empty()) return prefix;
    const auto dot = prefix.substr(0, prefix.size() - 1).rfind('.');
    return dot == std::string_view::npos ? std::string_view() : prefix.substr(0, dot + 1);
}

/// Where a pattern of a layout points to under a prefix, and the rest of the name there.
std::optional<std::string_view> rest_of(std::string_view name, std::string_view& pattern,
                                        std::string_view prefix) {
    if (pattern.starts_with('^')) {
        if (prefix.empty()) return std::nullopt;  // nothing lies beside a network that is the whole file
        pattern.remove_prefix(1);
        prefix = beside(prefix);
    }
    if (!name.starts_with(prefix)) return std::nullopt;
    return name.substr(prefix.size());
}

std::optional<Target> find_rule(const Layout& layout, std::string_view prefix, std::string_view name) {
    for (const auto& rule : layout.rules) {
        auto pattern = rule.from;
        const auto rest = rest_of(name, pattern, prefix);
        if (!rest) continue;
        if (const auto found = match(pattern, *rest))
            return Target{filled(rule.to, *found), rule.part, rule.orientation};
    }
    return std::nullopt;
}

std::string find_skip(const Layout& layout, std::string_view prefix, std::string_view name) {
    for (const auto& skip : layout.skips) {
        auto pattern = skip.pattern;
        const auto rest = rest_of(name, pattern, prefix);
        if (rest && match(pattern, *rest)) return std::string(skip.reason);
    }
    return {};
}

/// What training programs keep beside a network's weights; told by the first part of the name.
std::string kept_by_trainers(std::string_view name) {
    for (const std::string_view part : {"optimizer", "optimizer_state_dict", "optim", "scheduler",
                                        "lr_scheduler", "scaler", "amp", "rng_state"})
        if (name.starts_with(part) && name.substr(part.size()).starts_with('.'))
            return "of the training program";
    return {};
}

struct Candidate {
    const Layout* layout = nullptr;
    std::string prefix;
    std::size_t known = 0;  ///< tensors that its rules speak of
};

/// Every prefix under which the layout's pattern is found among the names.
std::set<std::string> prefixes_of(std::string_view pattern, const std::vector<std::string>& names) {
    std::set<std::string> found;
    for (const auto& name : names)
        for (std::size_t at = 0; at != std::string::npos;) {
            if (match(pattern, std::string_view(name).substr(at))) found.insert(name.substr(0, at));
            const auto dot = name.find('.', at);
            at = dot == std::string::npos ? dot : dot + 1;
        }
    return found;
}

std::string known_layouts() {
    std::vector<std::string_view> names;
    for (const auto& layout : layouts()) names.push_back(layout.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

constexpr std::string_view map_advice = "name its tensors with --map FILE (vtvc model import --help)";

Candidate recognise(const std::vector<std::string>& names, const MappingOptions& options,
                    const std::string& where) {
    std::vector<Candidate> candidates;
    for (const auto& layout : layouts())
        for (const auto& prefix : prefixes_of(layout.anchor, names))
            if (options.prefix.empty() || prefix == options.prefix) {
                Candidate candidate{&layout, prefix, 0};
                for (const auto& name : names) candidate.known += find_rule(layout, prefix, name) ? 1U : 0U;
                candidates.push_back(candidate);
            }
    if (candidates.empty())
        fail<StorageError>(
            "{}: no layout fits its {} tensors{} (known: {}); the first is '{}'; if it is a vision "
            "transformer, {}",
            where, names.size(),
            options.prefix.empty() ? "" : fmt::format(" under the prefix '{}'", options.prefix),
            known_layouts(), names.empty() ? "" : names.front(), map_advice);
    const auto more = [](const Candidate& a, const Candidate& b) { return a.known < b.known; };
    const auto best = *std::max_element(candidates.begin(), candidates.end(), more);
    for (const auto& other : candidates)
        if (other.prefix != best.prefix && 2 * other.known > best.known)
            fail<StorageError>(
                "{}: holds two networks, under '{}' and under '{}' (an average kept beside the weights?); "
                "say "
                "which with --prefix",
                where, best.prefix, other.prefix);
    return best;
}

void refuse_doubles(const std::vector<Piece>& pieces, const std::vector<ForeignTensor>& tensors,
                    const std::string& where) {
    std::map<std::pair<std::string, Part>, std::size_t> first;
    for (const auto& piece : pieces) {
        const auto clash = [&](Part part) {
            const auto found = first.find({piece.block, part});
            if (found != first.end())
                fail<StorageError>("{}: '{}' and '{}' are both '{}' (one network has it once)", where,
                                   tensors[found->second].name, tensors[piece.tensor].name, piece.block);
        };
        clash(piece.part);
        if (piece.part != Part::whole) clash(Part::whole);
        if (piece.part == Part::whole)
            for (const auto part : {Part::query, Part::key, Part::value}) clash(part);
        first.emplace(std::pair{piece.block, piece.part}, piece.tensor);
    }
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

Mapping map_names(const std::vector<ForeignTensor>& tensors, const MappingOptions& options,
                  const std::string& where) {
    Mapping mapping;
    std::vector<std::string> names;  // after the user's map and the tangent's numbers; "" is skipped
    std::vector<bool> transposed(tensors.size(), false);
    std::vector<std::string> reasons(tensors.size());
    std::set<std::string> seen;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        auto name = tensors[t].name;
        if (const auto renamed = options.map.apply(name)) {
            name = renamed->name;
            transposed[t] = renamed->transposed;
            reasons[t] = renamed->skip_reason;
        }
        if (reasons[t].empty() && !is_floating(tensors[t].type))
            reasons[t] = fmt::format("{}, not a weight", name_of(tensors[t].type));
        if (reasons[t].empty() && !seen.insert(name).second)
            fail<StorageError>("{}: the map gives two tensors the name '{}'; the second is '{}'", where, name,
                               tensors[t].name);
        names.push_back(reasons[t].empty() ? name : "");
    }
    name_tangent_tensors(tensors, options, where, names, reasons, mapping.notes);

    std::vector<std::string> present;
    std::copy_if(names.begin(), names.end(), std::back_inserter(present),
                 [](const std::string& name) { return !name.empty(); });
    const auto chosen = recognise(present, options, where);
    mapping.layout = chosen.layout->name;
    mapping.prefix = chosen.prefix;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        if (reasons[t].empty()) {
            if (auto target = find_rule(*chosen.layout, chosen.prefix, names[t])) {
                if (transposed[t])
                    target->orientation = target->orientation == Orientation::transposed
                                              ? Orientation::as_is
                                              : Orientation::transposed;
                mapping.pieces.push_back({t, target->block, target->part, target->orientation});
                continue;
            }
            reasons[t] = find_skip(*chosen.layout, chosen.prefix, names[t]);
            if (reasons[t].empty()) reasons[t] = kept_by_trainers(names[t]);
        }
        if (reasons[t].empty())
            fail<StorageError>(
                "{}: tensor '{}' of shape {} is not part of the layout '{}' under the prefix '{}' (a network "
                "with more parts computes something else); if it may be left out or is called otherwise, {}",
                where, tensors[t].name, shape_text(tensors[t].shape), mapping.layout, mapping.prefix,
                map_advice);
        mapping.skipped.push_back({tensors[t].name, reasons[t]});
    }
    refuse_doubles(mapping.pieces, tensors, where);
    std::stable_sort(mapping.pieces.begin(), mapping.pieces.end(), [](const Piece& a, const Piece& b) {
        return std::tie(a.block, a.part) < std::tie(b.block, b.part);
    });
    return mapping;
}

std::vector<Target> map_targets(const std::vector<std::string>& given, const MappingOptions& options,
                                const std::string& where) {
    std::vector<std::string> names;
    for (const auto& name : given) {
        const auto renamed = options.map.apply(name);
        names.push_back(renamed ? renamed->name : name);
    }
    // An adapter has no anchor: the layout and prefix that know most of its names, those under a text tower
    // not counted.
    Candidate best;
    for (const auto& layout : layouts()) {
        std::set<std::string> prefixes;
        for (const auto& rule : layout.rules)
            if (!rule.from.starts_with('^')) prefixes.merge(prefixes_of(rule.from, names));
        for (const auto& prefix : prefixes) {
            if (!options.prefix.empty() && prefix != options.prefix) continue;
            if (prefix.ends_with("text_model.")) continue;
            Candidate candidate{&layout, prefix, 0};
            for (const auto& name : names) candidate.known += find_rule(layout, prefix, name) ? 1U : 0U;
            if (candidate.known > best.known) best = candidate;
        }
    }
    std::vector<Target> targets;
    for (std::size_t n = 0; n < names.size(); ++n) {
        const auto target =
            best.layout == nullptr ? std::nullopt : find_rule(*best.layout, best.prefix, names[n]);
        if (!target)
            fail<StorageError>("{}: no layout knows the module of '{}' (known: {}); {}", where, given[n],
                               known_layouts(), map_advice);
        targets.push_back(*target);
    }
    return targets;
}

}  // namespace vtvc
