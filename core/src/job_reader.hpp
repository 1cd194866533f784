#pragma once
// The visitor that fills a job from a parsed tree: it asks the tree for each key, then looks for keys nobody
// asked for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "vtvc/core/config_tree.hpp"
#include "vtvc/core/schema.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc {

inline std::string range_text(const Key& about) {
    if (std::isfinite(about.min) && std::isfinite(about.max)) {
        return fmt::format("between {} and {}", about.min, about.max);
    }
    if (std::isfinite(about.min)) return fmt::format("at least {}", about.min);
    if (std::isfinite(about.max)) return fmt::format("at most {}", about.max);
    return "a finite number";
}

inline std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

class JobReader final : public Visitor {
  public:
    /// only: the one key (or table array) that is read, by its full path; the job's others keep their values.
    /// Empty: all.
    JobReader(const Node& root, std::vector<Mistake>& problems, std::string_view only = "")
        : root_(root), problems_(problems), only_(only) {
        know("job.kind");
    }
    /// Of a reader of one key: whether the job has it.
    bool met() const { return met_; }

    void section(std::string_view name, std::string_view) override { tables_.insert(std::string(name)); }
    void key(std::string_view name, bool& value, const Key& about) override { scalar(name, value, about); }
    void key(std::string_view name, std::int64_t& value, const Key& about) override {
        scalar(name, value, about);
    }
    void key(std::string_view name, double& value, const Key& about) override { scalar(name, value, about); }
    void key(std::string_view name, std::string& value, const Key& about) override {
        scalar(name, value, about);
    }
    void key(std::string_view name, std::vector<std::int64_t>& value, const Key& about) override {
        list(name, value, about);
    }
    void key(std::string_view name, std::vector<double>& value, const Key& about) override {
        list(name, value, about);
    }
    void key(std::string_view name, std::vector<std::string>& value, const Key& about) override {
        list(name, value, about);
    }

    void choice(std::string_view name, int& index, std::span<const std::string_view> names,
                const Key& about) override {
        const Node* node = look_up(name, about);
        if (!node) return;
        const auto* text = std::get_if<std::string>(&node->value);
        if (!text) return wrong_type(name, *node, "one of " + fmt::format("{}", fmt::join(names, ", ")));
        const auto found = std::find(names.begin(), names.end(), *text);
        if (found == names.end()) {
            const std::vector<std::string> known(names.begin(), names.end());
            return complain(name, *node,
                            fmt::format("must be one of {}, found \"{}\"{}", fmt::join(names, ", "), *text,
                                        did_you_mean(*text, known)));
        }
        index = static_cast<int>(found - names.begin());
    }

    /// Whatever the tree holds that no key took.
    void complain_of_unknown() { visit_unknown(root_, "", ""); }

    /// What Job::check found, placed where its first key is written; dropped when one of its keys is already
    /// known to be wrong.
    void complain_of(const std::string& problem) {
        const Node* where = nullptr;
        for (std::size_t from = problem.find('\''); from != std::string::npos;) {
            const std::size_t to = problem.find('\'', from + 1);
            if (to == std::string::npos) break;
            const std::string name = problem.substr(from + 1, to - from - 1);
            if (wrong_.contains(name)) return;
            if (!where) where = root_.find(name);
            from = problem.find('\'', to + 1);
        }
        problems_.push_back({where ? where->key_place : root_.place, problem});
    }

  protected:
    std::size_t begin_rows(std::string_view name, std::size_t present, const Key& about) override {
        rows_ = name;
        whole_rows_ = name == only_;
        if (!only_.empty() && !whole_rows_) return present;
        met_ = true;
        know(name);
        const Node* node = root_.find(name);
        const auto is_table = [](const Node& row) { return row.is_table(); };
        if (node &&
            !(node->is_list() && std::all_of(node->children.begin(), node->children.end(), is_table))) {
            wrong_.insert(rows_);
            problems_.push_back(
                {node->key_place, fmt::format("'{}' must be an array of tables, [[{}]], found {}", name, name,
                                              found_text(*node))});
            return 0;
        }
        const std::size_t count = node ? node->children.size() : 0;
        if (count == 0 && about.presence == Key::Presence::required) missing(rows_, root_, about);
        return count;
    }
    void begin_row(std::size_t index) override {
        prefix_ = fmt::format("{}.{}", rows_, index);
        row_ = root_.find(prefix_);
    }
    void end_row() override {
        row_ = nullptr;
        prefix_.clear();
    }
    void end_rows() override {
        rows_.clear();
        whole_rows_ = false;
    }

  private:
    void know(std::string_view name) {
        const std::string pattern = row_ ? fmt::format("{}.*.{}", rows_, name) : std::string(name);
        keys_.insert(pattern);
        const std::size_t dot = pattern.rfind('.');
        if (dot != std::string::npos) tables_.insert(pattern.substr(0, dot));
    }

    std::string full(std::string_view name) const { return join(prefix_, name); }

    bool wanted(std::string_view name) const {
        if (only_.empty() || whole_rows_) return true;
        if (prefix_.empty()) return name == only_;
        return only_.size() == prefix_.size() + 1 + name.size() && only_.starts_with(prefix_) &&
               only_[prefix_.size()] == '.' && only_.ends_with(name);
    }

    const Node* look_up(std::string_view name, const Key& about) {
        if (!wanted(name)) return nullptr;
        met_ = true;
        know(name);
        const Node* node = (row_ ? *row_ : root_).find(name);
        if (!node && about.presence == Key::Presence::required) {
            const std::size_t dot = name.rfind('.');
            const Node* table = row_                            ? row_
                                : dot == std::string_view::npos ? nullptr
                                                                : root_.find(name.substr(0, dot));
            missing(full(name), table ? *table : root_, about);
        }
        return node;
    }

    void missing(const std::string& name, const Node& where, const Key& about) {
        wrong_.insert(name);
        problems_.push_back({where.key_place, fmt::format("missing '{}' ({}){}{}", name, about.help,
                                                          about.way.empty() ? "" : "; ", about.way)});
    }

    void complain(std::string_view name, const Node& node, const std::string& what) {
        wrong_.insert(full(name));
        problems_.push_back({node.place, fmt::format("'{}' {}", full(name), what)});
    }

    void wrong_type(std::string_view name, const Node& node, std::string_view expected) {
        complain(name, node, fmt::format("must be {}, found {}", expected, found_text(node)));
    }

    void take(std::string_view name, const Node& node, bool& value, const Key&) {
        if (const bool* found = std::get_if<bool>(&node.value)) {
            value = *found;
        } else {
            wrong_type(name, node, "true or false");
        }
    }

    void take(std::string_view name, const Node& node, std::int64_t& value, const Key& about) {
        const auto* found = std::get_if<std::int64_t>(&node.value);
        if (!found) return wrong_type(name, node, "an integer");
        if (in_range(name, node, static_cast<double>(*found), about)) value = *found;
    }

    void take(std::string_view name, const Node& node, double& value, const Key& about) {
        double found = 0;
        if (const auto* number = std::get_if<double>(&node.value)) {
            found = *number;
        } else if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
            found = static_cast<double>(*integer);
        } else {
            return wrong_type(name, node, "a number");
        }
        if (in_range(name, node, found, about)) value = found;
    }

    void take(std::string_view name, const Node& node, std::string& value, const Key& about) {
        const auto* found = std::get_if<std::string>(&node.value);
        if (!found) return wrong_type(name, node, "a text in quotes");
        if (found->empty() && about.presence == Key::Presence::required)
            return complain(name, node, "must not be empty");
        value = about.role == Role::input ? resolved(*found, node) : *found;
    }

    /// Inputs are found from the file that names them, wherever the job is started.
    static std::string resolved(const std::string& path, const Node& node) {
        if (path.empty()) return path;
        return (node.place.source->folder / path).lexically_normal().string();
    }

    bool in_range(std::string_view name, const Node& node, double value, const Key& about) {
        if (std::isfinite(value) && value >= about.min && value <= about.max) return true;
        complain(name, node, fmt::format("must be {}, found {}", range_text(about), value));
        return false;
    }

    template <class T>
    void scalar(std::string_view name, T& value, const Key& about) {
        if (const Node* node = look_up(name, about)) take(name, *node, value, about);
    }

    template <class T>
    void list(std::string_view name, std::vector<T>& values, const Key& about) {
        const Node* node = look_up(name, about);
        if (!node) return;
        if (!node->is_list()) return wrong_type(name, *node, "a list, [...]");
        values.clear();
        for (std::size_t i = 0; i < node->children.size(); ++i) {
            T value{};
            take(fmt::format("{}.{}", name, i), node->children[i], value, about);
            values.push_back(std::move(value));
        }
    }

    void visit_unknown(const Node& table, const std::string& path, const std::string& pattern) {
        for (const Node& child : table.children) {
            const std::string child_path = join(path, child.name), child_pattern = join(pattern, child.name);
            if (keys_.contains(child_pattern)) {
                visit_rows(child, child_path, child_pattern + ".*");
            } else if (!tables_.contains(child_pattern)) {
                const std::string_view what = child.is_table() ? "table" : "key";
                problems_.push_back(
                    {child.key_place, fmt::format("unknown {} '{}'{}", what, child_path,
                                                  hint(child.name, pattern, child.is_table()))});
            } else if (child.is_table()) {
                visit_unknown(child, child_path, child_pattern);
            } else {
                problems_.push_back(
                    {child.key_place, fmt::format("'{}' must be a table, [{}], found {}", child_path,
                                                  child_path, found_text(child))});
            }
        }
    }

    void visit_rows(const Node& rows, const std::string& path, const std::string& pattern) {
        if (!tables_.contains(pattern)) return;
        for (std::size_t i = 0; i < rows.children.size(); ++i) {
            visit_unknown(rows.children[i], fmt::format("{}.{}", path, i), pattern);
        }
    }

    /// The nearest name in the same table, else one that is spelled like it in another, else what the table
    /// has.
    std::string hint(const std::string& name, const std::string& table, bool of_tables) const {
        std::vector<std::string> here, elsewhere;
        const std::string prefix = table.empty() ? "" : table + ".";
        for (const std::set<std::string>* names : {&keys_, &tables_}) {
            for (const std::string& known : *names) {
                const std::string_view last = std::string_view(known).substr(known.rfind('.') + 1);
                if (known.starts_with(prefix) && known.find('.', prefix.size()) == std::string::npos) {
                    here.emplace_back(last);
                } else if (edit_distance(last, name) <= 1 && !of_tables &&
                           known.find('*') == std::string::npos) {
                    elsewhere.push_back(known);
                }
            }
        }
        const std::string similar = nearest(name, here);
        const bool in_row = table.find('*') != std::string::npos;
        if (!similar.empty()) return fmt::format("; did you mean '{}'?", in_row ? similar : prefix + similar);
        if (!elsewhere.empty()) return fmt::format("; did you mean '{}'?", elsewhere.front());
        return fmt::format(" (known here: {})", fmt::join(here, ", "));
    }

    const Node& root_;
    std::vector<Mistake>& problems_;
    std::string_view only_;
    bool met_ = false, whole_rows_ = false;
    const Node* row_ = nullptr;            ///< the row being read
    std::string rows_, prefix_;            ///< "task", "task.0" while in its rows
    std::set<std::string> keys_, tables_;  ///< every name asked for, "task.*.name" in rows
    std::set<std::string> wrong_;
};

}  // namespace vtvc
