#pragma once
// A parsed configuration in which every value remembers where it was written. TOML's own library stays behind
// config_tree.cpp.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vtvc {

/// A file, or one override of a command line.
struct Source {
    std::string name;              ///< as messages show it
    std::filesystem::path folder;  ///< relative paths in it start here
    int order = 0;                 ///< of messages
};

struct Place {
    std::shared_ptr<const Source> source;
    int line = 0, column = 0;  ///< from 1; 0: the source as a whole
    /// "job.toml:3:1"
    std::string text() const;
};

struct Mistake {
    Place place;
    std::string text;
};
/// Throws ConfigError with a line for each problem, in the order of their places; returns when there is none.
void throw_problems(std::vector<Mistake> problems);

struct Node {
    struct Table {};
    struct List {};
    struct Other {};  ///< dates and times: no key takes one
    using Value = std::variant<Table, List, Other, bool, std::int64_t, double, std::string>;

    std::string name;  ///< in its table; empty for the elements of a list
    Value value;
    std::vector<Node> children;
    Place place;      ///< of the value
    Place key_place;  ///< of the key, or of the value where there is none

    bool is_table() const { return std::holds_alternative<Table>(value); }
    bool is_list() const { return std::holds_alternative<List>(value); }
    const Node* child(std::string_view key) const;
    Node* child(std::string_view key);
    /// By dotted path; numbers are indices of lists. nullptr: not there.
    const Node* find(std::string_view path) const;
};

/// "integer 3", "text \"x\"", "a table"
std::string found_text(const Node& node);

/// The value on one line of TOML; tables are written { inline }.
std::string inline_toml(const Node& node);
/// Puts a value at a dotted path, making the tables on the way; numbers are indices where a list is met.
/// False: something on the way is neither a table nor a list with such a row.
bool put_at(Node& root, std::string_view path, Node value);

/// The file's tree with its include = [...] merged below it. Everything wrong is appended to problems; what
/// could be read is returned.
Node read_config(const std::string& text, const std::string& name, std::vector<Mistake>& problems);
/// Lays over on top of base: tables are merged, everything else is replaced.
void overlay(Node& base, Node over);
/// Lays "key.sub=value" over a tree, in order; numbers in keys are indices of rows.
void apply_overrides(Node& root, const std::vector<std::string>& overrides, std::vector<Mistake>& problems);

}  // namespace vtvc
