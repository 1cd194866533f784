#include "axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace vtvc::sweep {
namespace {

constexpr std::int64_t most_choices = 1'000'000;

/// Numbers between two written ones are rounded, so that no machine's last bit becomes part of a run's id.
double rounded(double value) { return std::stod(fmt::format("{:.9g}", value)); }

Node number_node(const Place& place, double value, bool whole) {
    Node node{"", Node::Other{}, {}, place, place};
    if (whole) {
        node.value = static_cast<std::int64_t>(std::llround(value));
    } else {
        node.value = value;
    }
    return node;
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('.') + 1); }

/// "0.1", "group", "1-2-3", "greek" for /data/greek.h5
std::string label_of(const Node& value, std::size_t index) {
    if (const auto* text = std::get_if<std::string>(&value.value)) {
        if (text->find('/') == std::string::npos && !text->starts_with('@'))
            return text->empty() ? "none" : std::filesystem::path(*text).stem().string();
        return std::filesystem::path(*text).stem().string();
    }
    if (value.is_table()) return std::to_string(index);
    if (value.is_list()) {
        std::string text;
        for (const Node& child : value.children)
            text += fmt::format("{}{}", text.empty() ? "" : "-", label_of(child, index));
        return text.empty() ? "none" : text;
    }
    std::string text = inline_toml(value);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

/// from, to, and step or count, as numbers.
struct Span {
    double from = 0, to = 0, step = 1;
    std::int64_t count = 0;
    bool whole = true;
};

std::optional<Span> read_span(Fields& fields, const Node& node, bool by_step,
                              std::vector<Mistake>& problems) {
    Span span;
    Fields inside(node, fields.full(node.name), problems);
    const std::size_t before = problems.size();
    for (const char* key : {"from", "to", "step"}) {
        const Node* value = node.child(key);
        if (value && !std::holds_alternative<std::int64_t>(value->value)) span.whole = false;
        if (!value && !(std::string(key) == "step"))
            problems.push_back({node.place, fmt::format("missing '{}'", inside.full(key))});
    }
    inside.take("from", span.from);
    inside.take("to", span.to);
    if (by_step) {
        inside.take("step", span.step);
        if (span.step == 0 || (span.to - span.from) / span.step < 0)
            problems.push_back(
                {node.place, fmt::format("'{}' never gets from {} to {} by {}", fields.full(node.name),
                                         span.from, span.to, span.step)});
    } else {
        span.whole = false;
        if (!node.child("count"))
            problems.push_back({node.place, fmt::format("missing '{}'", inside.full("count"))});
        inside.take("count", span.count, 1);
    }
    inside.finish();
    if (problems.size() != before) return std::nullopt;
    if (by_step) {
        const double steps = std::floor((span.to - span.from) / span.step * (1 + 1e-12) + 1e-9);
        if (steps >= static_cast<double>(most_choices)) {
            problems.push_back({node.place, fmt::format("'{}' has more than {} values",
                                                        fields.full(node.name), most_choices)});
            return std::nullopt;
        }
        span.count = static_cast<std::int64_t>(steps) + 1;
    }
    return span;
}

std::vector<Node> spread(const Span& span, const Place& place, bool by_step, bool in_logarithms) {
    std::vector<Node> values;
    for (std::int64_t i = 0; i < span.count; ++i) {
        const auto at = static_cast<double>(i);
        const double part = span.count == 1 ? 0 : at / static_cast<double>(span.count - 1);
        double value = by_step         ? span.from + at * span.step
                       : in_logarithms ? std::exp(std::log(span.from) * (1 - part) + std::log(span.to) * part)
                                       : span.from * (1 - part) + span.to * part;
        if (!by_step && i == 0) value = span.from;
        if (!by_step && i > 0 && i == span.count - 1) value = span.to;
        values.push_back(number_node(place, span.whole ? value : rounded(value), span.whole));
    }
    return values;
}

/// Gives the choices their labels: the ones that are written, or what the first key's values are called.
void name_choices(Axis& axis, const std::vector<std::string>& labels, const Place& labels_place,
                  const std::string& path, std::vector<Mistake>& problems) {
    if (!labels.empty() && labels.size() != axis.choices.size())
        problems.push_back({labels_place, fmt::format("'{}.labels' has {} names for {} values", path,
                                                      labels.size(), axis.choices.size())});
    std::set<std::string> seen;
    for (std::size_t i = 0; i < axis.choices.size(); ++i) {
        Choice& choice = axis.choices[i];
        choice.label = i < labels.size() ? labels[i] : label_of(choice.values.front(), i);
        if (choice.label.empty() || choice.label.find_first_of("{},=/") != std::string::npos)
            problems.push_back(
                {choice.place, fmt::format("the label \"{}\" cannot be used in references (it is "
                                           "empty or holds one of {{}},=/); give '{}.labels'",
                                           choice.label, path)});
        if (!seen.insert(choice.label).second)
            problems.push_back(
                {choice.place,
                 fmt::format("'{}' has \"{}\" twice (each point would be there twice); take one out, or give "
                             "'{}.labels' if they are not the same",
                             path, choice.label, path)});
    }
}

void flatten(const Node& table, const std::string& prefix, Condition& into) {
    for (const Node& child : table.children) {
        const std::string key = prefix.empty() ? child.name : fmt::format("{}.{}", prefix, child.name);
        if (child.is_table()) {
            flatten(child, key, into);
        } else {
            into.terms.push_back({key, child});
        }
    }
}

}  // namespace

std::optional<Axis> read_axis(const Node& row, const std::string& path, std::vector<Mistake>& problems) {
    Fields fields(row, path, problems);
    Axis axis;
    axis.place = row.place;
    std::string key;
    std::vector<std::string> labels;
    fields.take("key", key);
    fields.take("name", axis.name);
    fields.take("labels", labels);
    if (key.empty()) problems.push_back({row.place, fmt::format("missing '{}.key'", path)});
    axis.keys = {key};
    if (const Node* node = fields.any("key")) axis.place = node->place;
    if (axis.name.empty()) axis.name = last_part(key);
    std::vector<Node> values;
    int ways = 0;
    bool understood = true;
    if (const Node* list = fields.any("values")) {
        ++ways;
        if (!list->is_list()) {
            problems.push_back(
                {list->place, fmt::format("'{}.values' must be a list, found {}", path, found_text(*list))});
            understood = false;
        }
        values = list->children;
    }
    for (const char* form : {"range", "linspace", "logspace"}) {
        const Node* table = fields.table(form);
        if (!table) continue;
        ++ways;
        const bool by_step = form == std::string("range"), in_logarithms = form == std::string("logspace");
        const auto span = read_span(fields, *table, by_step, problems);
        if (!span) {
            understood = false;
        } else if (in_logarithms && (span->from <= 0 || span->to <= 0)) {
            problems.push_back(
                {table->place, fmt::format("'{}.logspace' needs 'from' and 'to' above 0", path)});
            understood = false;
        } else {
            values = spread(*span, table->place, by_step, in_logarithms);
        }
    }
    fields.finish();
    if (ways != 1) {
        problems.push_back(
            {row.place, fmt::format("'{}' needs one of values, range, linspace, logspace; it has "
                                    "{}",
                                    path, ways == 0 ? "none" : "several")});
    } else if (understood && values.empty()) {
        problems.push_back({row.place, fmt::format("'{}' has no values (the grid would be empty)", path)});
    }
    for (Node& value : values) {
        Choice choice;
        choice.place = value.place;
        choice.values.push_back(std::move(value));
        axis.choices.push_back(std::move(choice));
    }
    const Node* named = row.child("labels");
    name_choices(axis, labels, named ? named->place : row.place, path, problems);
    if (key.empty() || axis.choices.empty()) return std::nullopt;
    return axis;
}

std::optional<Axis> read_zip(const Node& row, const std::string& path, std::vector<Mistake>& problems) {
    Fields fields(row, path, problems);
    Axis axis;
    axis.place = row.place;
    std::vector<std::string> labels;
    fields.take("keys", axis.keys);
    fields.take("name", axis.name);
    fields.take("labels", labels);
    const Node* lists = fields.any("values");
    fields.finish();
    const auto complain = [&](const Place& place, std::string text) {
        problems.push_back({place, std::move(text)});
        return std::nullopt;
    };
    if (axis.keys.empty()) return complain(row.place, fmt::format("missing '{}.keys'", path));
    if (axis.name.empty()) axis.name = last_part(axis.keys.front());
    if (!lists || !lists->is_list() || lists->children.size() != axis.keys.size())
        return complain(
            lists ? lists->place : row.place,
            fmt::format("'{}.values' must be {} lists, one for each of its keys", path, axis.keys.size()));
    std::vector<std::size_t> lengths;
    for (const Node& list : lists->children) {
        if (!list.is_list())
            return complain(list.place, fmt::format("'{}.values' must be lists of values, found {}", path,
                                                    found_text(list)));
        lengths.push_back(list.children.size());
    }
    if (std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) != lengths.end())
        return complain(lists->place,
                        fmt::format("'{}.values' has lists of unequal lengths, {} (their values "
                                    "change together)",
                                    path, fmt::join(lengths, " and ")));
    if (lengths.front() == 0)
        return complain(lists->place, fmt::format("'{}' has no values (the grid would be empty)", path));
    for (std::size_t i = 0; i < lengths.front(); ++i) {
        Choice choice;
        choice.place = lists->children.front().children[i].place;
        for (const Node& list : lists->children) choice.values.push_back(list.children[i]);
        axis.choices.push_back(std::move(choice));
    }
    const Node* named = row.child("labels");
    name_choices(axis, labels, named ? named->place : row.place, path, problems);
    return axis;
}

Condition read_condition(const Node& table, const std::string& path, std::vector<Mistake>& problems) {
    Condition condition;
    condition.place = table.place;
    flatten(table, "", condition);
    if (condition.terms.empty())
        problems.push_back({table.place, fmt::format("'{}' names no key, so it holds everywhere", path)});
    return condition;
}

Node nested(const Node& table) {
    Node out = table;
    out.children.clear();
    for (const Node& child : table.children) {
        Node value = child.is_table() ? nested(child) : child;
        const auto dot = child.name.find('.');
        if (dot == std::string::npos) {
            Node over{"", Node::Table{}, {}, child.place, child.key_place};
            over.children.push_back(std::move(value));
            overlay(out, std::move(over));
            continue;
        }
        Node over{"", Node::Table{}, {}, child.place, child.key_place};
        const std::string path = child.name;
        put_at(over, path, std::move(value));
        overlay(out, std::move(over));
    }
    return out;
}

}  // namespace vtvc::sweep
