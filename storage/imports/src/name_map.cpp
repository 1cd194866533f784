#include "vtvc/imports/name_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <stdexcept>

#include "expression.hpp"
#include "vtvc/core/config_tree.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {

struct NameMap::Rules {
    struct Rename {
        std::regex from;
        std::string to;
        bool transposed = false;
    };
    struct Skip {
        std::regex name;
        std::string reason;
    };
    std::vector<Rename> renames;
    std::vector<Skip> skips;
};

namespace {

/// The library's matcher recurses once a character: longer names are no tensor's.
constexpr std::size_t longest_name = 512;

class MapReader {
  public:
    explicit MapReader(std::vector<Mistake>& problems) : problems_(problems) {}

    /// The tables of [[list]], each checked against the keys that it may have.
    std::vector<const Node*> rows(const Node& root, std::string_view list,
                                  std::initializer_list<std::string_view> keys) {
        std::vector<const Node*> rows;
        const Node* found = root.child(list);
        if (found == nullptr) return rows;
        if (!found->is_list()) {
            complain(found->key_place, "'{0}' must be rows, written [[{0}]]", list);
            return rows;
        }
        for (const auto& row : found->children) {
            if (!row.is_table()) {
                complain(row.place, "'{0}' must be rows, written [[{0}]]", list);
                continue;
            }
            for (const auto& key : row.children)
                if (std::find(keys.begin(), keys.end(), key.name) == keys.end())
                    complain(key.key_place, "unknown key '{}' in [[{}]]; it has {}", key.name, list,
                             fmt::join(keys, ", "));
            rows.push_back(&row);
        }
        return rows;
    }
    std::string text(const Node& row, std::string_view key) {
        const Node* node = row.child(key);
        if (node == nullptr) {
            complain(row.place, "'{}' is missing", key);
            return {};
        }
        if (const auto* value = std::get_if<std::string>(&node->value)) return *value;
        complain(node->place, "'{}' must be text, found {}", key, found_text(*node));
        return {};
    }
    bool flag(const Node& row, std::string_view key) {
        const Node* node = row.child(key);
        if (node == nullptr) return false;
        if (const auto* value = std::get_if<bool>(&node->value)) return *value;
        complain(node->place, "'{}' must be true or false, found {}", key, found_text(*node));
        return false;
    }
    std::regex expression(const Node& row, std::string_view key) {
        try {
            return compile_expression(text(row, key));
        } catch (const std::runtime_error& error) {
            complain(row.child(key)->place, "'{}' is no regular expression ({})", key, error.what());
            return {};
        }
    }
    template <class... Args>
    void complain(const Place& place, fmt::format_string<Args...> text, Args&&... args) {
        problems_.push_back({place, fmt::format(text, std::forward<Args>(args)...)});
    }

  private:
    std::vector<Mistake>& problems_;
};

}  // namespace

NameMap::NameMap() : rules_(std::make_shared<Rules>()) {}

bool NameMap::empty() const { return rules_->renames.empty() && rules_->skips.empty(); }

NameMap NameMap::read(const std::filesystem::path& path) {
    std::vector<Mistake> problems;
    const Node root = read_config(read_text(path), path.string(), problems);
    throw_problems(problems);
    MapReader reader(problems);
    auto rules = std::make_shared<Rules>();
    for (const auto& key : root.children)
        if (key.name != "rename" && key.name != "skip")
            reader.complain(key.key_place, "unknown key '{}'; a map of names has [[rename]] and [[skip]]",
                            key.name);
    for (const Node* row : reader.rows(root, "rename", {"from", "to", "transpose"}))
        rules->renames.push_back(
            {reader.expression(*row, "from"), reader.text(*row, "to"), reader.flag(*row, "transpose")});
    for (const Node* row : reader.rows(root, "skip", {"name", "reason"}))
        rules->skips.push_back({reader.expression(*row, "name"), reader.text(*row, "reason")});
    throw_problems(std::move(problems));
    NameMap map;
    map.rules_ = std::move(rules);
    if (map.empty())
        fail<ConfigError>("{}: a map of names without a [[rename]] or [[skip]] changes nothing",
                          path.string());
    return map;
}

std::optional<NameMap::Renamed> NameMap::apply(const std::string& name) const {
    if (name.size() > longest_name) return std::nullopt;
    for (const auto& rule : rules_->skips)
        if (std::regex_search(name, rule.name)) return Renamed{name, false, rule.reason + " (by the map)"};
    for (const auto& rule : rules_->renames)
        if (std::regex_search(name, rule.from))
            return Renamed{std::regex_replace(name, rule.from, rule.to), rule.transposed, ""};
    return std::nullopt;
}

}  // namespace vtvc
