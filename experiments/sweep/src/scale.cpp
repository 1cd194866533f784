#include "scale.hpp"

#include <fmt/format.h>

#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {
namespace {

std::string text_at(const Node& row, std::string_view key) {
    const Node* node = row.child(key);
    const auto* text = node ? std::get_if<std::string>(&node->value) : nullptr;
    return text ? *text : "";
}

/// What an axis or a zip is told apart by.
std::string handle_of(const Node& row) {
    if (const std::string name = text_at(row, "name"); !name.empty()) return name;
    if (const std::string key = text_at(row, "key"); !key.empty()) return key.substr(key.rfind('.') + 1);
    const Node* keys = row.child("keys");
    if (!keys || keys->children.empty()) return "";
    const auto* first = std::get_if<std::string>(&keys->children.front().value);
    return first ? first->substr(first->rfind('.') + 1) : "";
}

class Scale {
  public:
    Scale(std::string name, std::vector<Mistake>& problems) : name_(std::move(name)), problems_(problems) {}

    void lay(Node& base, const Node& over) {
        for (const Node& change : over.children) {
            if (change.name == "axis" || change.name == "zip") {
                replace_rows(base, change);
            } else if (change.name == "stage") {
                for (const Node& stage : change.children) change_stage(base, stage);
            } else {
                Node one{"", Node::Table{}, {}, change.place, change.key_place};
                one.children.push_back(change);
                overlay(base, std::move(one));
            }
        }
    }

  private:
    void replace_rows(Node& base, const Node& rows) {
        Node* own = base.child(rows.name);
        for (const Node& row : rows.children) {
            Node* found = nullptr;
            std::vector<std::string> known;
            if (own)
                for (Node& candidate : own->children) {
                    known.push_back(handle_of(candidate));
                    if (known.back() == handle_of(row)) found = &candidate;
                }
            if (found) {
                *found = row;
            } else {
                problems_.push_back(
                    {row.place, fmt::format("scale '{}' changes the {} '{}', which is not there{}", name_,
                                            rows.name, handle_of(row), did_you_mean(handle_of(row), known))});
            }
        }
    }

    void change_stage(Node& base, const Node& change) {
        std::vector<std::string> known;
        if (Node* stages = base.child("stage"))
            for (Node& stage : stages->children) {
                known.push_back(text_at(stage, "name"));
                if (known.back() == change.name) return lay(stage, change);
            }
        problems_.push_back(
            {change.key_place, fmt::format("scale '{}' changes the stage '{}', which is not there{}", name_,
                                           change.name, did_you_mean(change.name, known))});
    }

    std::string name_;
    std::vector<Mistake>& problems_;
};

}  // namespace

void apply_scale(Node& root, const std::string& name, std::vector<Mistake>& problems) {
    const Node* table = root.child("scale");
    const Node scales = table ? *table : Node{"scale", Node::Table{}, {}, root.place, root.place};
    std::erase_if(root.children, [](const Node& child) { return child.name == "scale"; });
    std::vector<std::string> known;
    for (const Node& child : scales.children) known.push_back(child.name);
    if (!scales.is_table()) {
        problems.push_back({scales.place, fmt::format("'scale' must be tables, [scale.small], found {}",
                                                      found_text(scales))});
    } else if (const Node* chosen = scales.child(name)) {
        Scale(name, problems).lay(root, *chosen);
    } else if (!name.empty()) {
        problems.push_back(
            {scales.place, fmt::format("there is no scale '{}' in the file (it has {}){}", name,
                                       known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")),
                                       did_you_mean(name, known))});
    }
}

}  // namespace vtvc::sweep
