#include "fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {

Fields::Fields(const Node& table, std::string path, std::vector<Mistake>& problems)
    : table_(table), path_(std::move(path)), problems_(problems) {
    if (!table.is_table())
        complain(table.place, fmt::format("'{}' must be a table, found {}", path_, found_text(table)));
}

std::string Fields::full(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::wrong(std::string_view name, const Node& node, std::string_view expected) {
    complain(node.place, fmt::format("'{}' must be {}, found {}", full(name), expected, found_text(node)));
}

const Node* Fields::any(std::string_view name) {
    known_.emplace_back(name);
    return table_.child(name);
}

const Node* Fields::table(std::string_view name) {
    const Node* node = any(name);
    if (node && !node->is_table()) {
        wrong(name, *node, fmt::format("a table, [{}]", full(name)));
        return nullptr;
    }
    return node;
}

std::vector<const Node*> Fields::rows(std::string_view name) {
    std::vector<const Node*> rows;
    const Node* node = any(name);
    if (!node) return rows;
    const auto is_table = [](const Node& row) { return row.is_table(); };
    if (!node->is_list() || !std::all_of(node->children.begin(), node->children.end(), is_table)) {
        wrong(name, *node, fmt::format("an array of tables, [[{}]]", full(name)));
        return rows;
    }
    for (const Node& row : node->children) rows.push_back(&row);
    return rows;
}

void Fields::take(std::string_view name, std::int64_t& value, std::int64_t least) {
    const Node* node = any(name);
    if (!node) return;
    const auto* found = std::get_if<std::int64_t>(&node->value);
    if (found && *found >= least) {
        value = *found;
    } else {
        wrong(name, *node,
              least == std::numeric_limits<std::int64_t>::min()
                  ? "an integer"
                  : fmt::format("an integer of at least {}", least));
    }
}

void Fields::take(std::string_view name, double& value, double least) {
    const Node* node = any(name);
    if (!node) return;
    double found = std::nan("");
    if (const auto* number = std::get_if<double>(&node->value)) found = *number;
    if (const auto* integer = std::get_if<std::int64_t>(&node->value)) found = static_cast<double>(*integer);
    if (std::isfinite(found) && found >= least) {
        value = found;
    } else {
        wrong(name, *node,
              std::isfinite(least) ? fmt::format("a number of at least {}", least) : "a finite number");
    }
}

void Fields::take(std::string_view name, std::string& value) {
    const Node* node = any(name);
    if (!node) return;
    if (const auto* text = std::get_if<std::string>(&node->value)) {
        value = *text;
    } else {
        wrong(name, *node, "a text in quotes");
    }
}

void Fields::take(std::string_view name, std::vector<std::string>& value) {
    const Node* node = any(name);
    if (!node) return;
    value.clear();
    if (const auto* text = std::get_if<std::string>(&node->value)) return value.push_back(*text);
    if (!node->is_list()) return wrong(name, *node, "a text or a list of texts");
    for (const Node& child : node->children) {
        if (const auto* text = std::get_if<std::string>(&child.value)) {
            value.push_back(*text);
        } else {
            wrong(name, child, "a list of texts");
        }
    }
}

void Fields::take(std::string_view name, std::vector<std::int64_t>& value, std::int64_t least) {
    const Node* node = any(name);
    if (!node) return;
    value.clear();
    if (!node->is_list()) return wrong(name, *node, "a list of integers");
    for (const Node& child : node->children) {
        const auto* number = std::get_if<std::int64_t>(&child.value);
        if (number && *number >= least) {
            value.push_back(*number);
        } else {
            wrong(name, child, fmt::format("a list of integers of at least {}", least));
        }
    }
}

void Fields::take_measure(std::string_view name, double& value,
                          const std::vector<std::pair<std::string, double>>& units,
                          std::string_view expected) {
    const Node* node = any(name);
    if (!node) return;
    double found = -1;
    if (const auto* number = std::get_if<double>(&node->value)) found = *number;
    if (const auto* integer = std::get_if<std::int64_t>(&node->value)) found = static_cast<double>(*integer);
    if (const auto* text = std::get_if<std::string>(&node->value)) {
        double count = 0;
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
        const std::string_view unit(end, static_cast<std::size_t>(text->data() + text->size() - end));
        for (const auto& [word, factor] : units)
            if (error == std::errc{} && unit == word) found = count * factor;
    }
    if (std::isfinite(found) && found >= 0) {
        value = found;
    } else {
        wrong(name, *node, expected);
    }
}

void Fields::take_seconds(std::string_view name, double& value) {
    take_measure(name, value, {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
                 "seconds, or a text like \"90s\", \"10m\", \"2h\", \"1d\"");
}

void Fields::take_memory(std::string_view name, double& mebibytes) {
    take_measure(name, mebibytes, {{"M", 1}, {"G", 1024}, {"T", 1024. * 1024}},
                 "mebibytes, or a text like \"512M\", \"16G\"");
}

std::size_t Fields::choose(std::string_view name, const std::vector<std::string>& names, std::size_t before) {
    std::string text;
    const Node* node = table_.child(name);
    take(name, text);
    if (text.empty() || !node) return before;
    const auto found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    complain(node->place, fmt::format("'{}' must be one of {}, found \"{}\"{}", full(name),
                                      fmt::join(names, ", "), text, did_you_mean(text, names)));
    return before;
}

void Fields::finish() {
    if (!table_.is_table()) return;
    for (const Node& child : table_.children) {
        if (std::find(known_.begin(), known_.end(), child.name) != known_.end()) continue;
        const std::string hint = did_you_mean(child.name, known_);
        complain(
            child.key_place,
            fmt::format("unknown {} '{}'{}", child.is_table() ? "table" : "key", full(child.name),
                        hint.empty() ? fmt::format(" (known here: {})", fmt::join(known_, ", ")) : hint));
    }
}

}  // namespace vtvc::sweep
