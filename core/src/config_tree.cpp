#include "vtvc/core/config_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

// toml++ 3.3.0 asserts on some unfinished input ("[ "), or goes on into undefined behaviour where assertions
// are off. Here they are always on and throw.
namespace {
struct UnfinishedToml {};
[[noreturn]] void throw_unfinished() { throw UnfinishedToml(); }
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : throw_unfinished())
#include <toml++/toml.h>

namespace vtvc {
namespace {

using SourcePtr = std::shared_ptr<const Source>;

Place place_of(const toml::source_region& region, const SourcePtr& source) {
    return {source, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

Node convert(const toml::node& from, std::string name, const SourcePtr& source) {
    Node node;
    node.name = std::move(name);
    node.place = node.key_place = place_of(from.source(), source);
    if (const toml::table* table = from.as_table()) {
        node.value = Node::Table{};
        for (const auto& [key, value] : *table) {
            Node child = convert(value, std::string(key.str()), source);
            child.key_place = place_of(key.source(), source);
            node.children.push_back(std::move(child));
        }
    } else if (const toml::array* array = from.as_array()) {
        node.value = Node::List{};
        for (const toml::node& value : *array) node.children.push_back(convert(value, "", source));
    } else if (const auto* text = from.as_string()) {
        node.value = text->get();
    } else if (const auto* integer = from.as_integer()) {
        node.value = integer->get();
    } else if (const auto* number = from.as_floating_point()) {
        node.value = number->get();
    } else if (const auto* boolean = from.as_boolean()) {
        node.value = boolean->get();
    } else {
        node.value = Node::Other{};
    }
    return node;
}

Node empty_table(std::string name, const SourcePtr& source) {
    return {std::move(name), Node::Table{}, {}, {source}, {source}};
}

/// Throws Mistake.
Node parse(std::string_view text, const SourcePtr& source) {
    try {
        return convert(toml::parse(text), "", source);
    } catch (const toml::parse_error& error) {
        throw Mistake{place_of(error.source(), source), std::string(error.description())};
    } catch (const UnfinishedToml&) {
        const int line = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
        throw Mistake{{source, line, 1},
                      "the text ends in the middle of a table's name or a value; was it cut?"};
    }
}

/// Lays over on top of base: tables are merged, everything else is replaced.
void overlay(Node& base, Node over) {
    for (Node& child : over.children) {
        Node* own = base.child(child.name);
        if (own && own->is_table() && child.is_table()) {
            overlay(*own, std::move(child));
        } else if (own) {
            *own = std::move(child);
        } else {
            base.children.push_back(std::move(child));
        }
    }
}

class Reader {
  public:
    explicit Reader(std::vector<Mistake>& problems) : problems_(problems) {}

    Node file(const std::string& text, const std::string& name) {
        const SourcePtr source = new_source(name, std::filesystem::absolute(name).parent_path());
        open_.push_back(identity(name));
        Node node = empty_table("", source);
        try {
            node = parse(text, source);
        } catch (Mistake& problem) {
            problems_.push_back(std::move(problem));
        }
        Node merged = empty_table("", source);
        merged.place = merged.key_place = {source, 1, 1};
        if (const Node* include = node.child("include")) {
            const Node list = *include;
            std::erase_if(node.children, [](const Node& child) { return child.name == "include"; });
            if (!list.is_list()) {
                complain(list.place,
                         fmt::format("'include' must be a list of file names, found {}", found_text(list)));
            }
            for (const Node& entry : list.children) overlay(merged, included(entry));
        }
        overlay(merged, std::move(node));
        open_.pop_back();
        return merged;
    }

  private:
    SourcePtr new_source(std::string name, std::filesystem::path folder) {
        return std::make_shared<Source>(Source{std::move(name), std::move(folder), sources_++});
    }

    void complain(const Place& place, std::string text) { problems_.push_back({place, std::move(text)}); }

    static std::filesystem::path identity(const std::string& name) {
        std::error_code ignored;
        return std::filesystem::weakly_canonical(std::filesystem::absolute(name), ignored);
    }

    Node included(const Node& entry) {
        Node nothing = empty_table("", entry.place.source);
        const auto* name = std::get_if<std::string>(&entry.value);
        if (!name) {
            complain(entry.place, fmt::format("'include' holds file names, found {}", found_text(entry)));
            return nothing;
        }
        std::filesystem::path path = *name;
        if (path.is_relative()) {
            // Shown relative where the including file is, absolute where that is.
            path = std::filesystem::path(entry.place.source->name).parent_path() / path;
        }
        if (std::find(open_.begin(), open_.end(), identity(path)) != open_.end()) {
            complain(entry.place,
                     fmt::format("'{}' includes itself, directly or through another file", *name));
            return nothing;
        }
        try {
            return file(read_text(path), path.string());
        } catch (const StorageError& error) {
            complain(entry.place, fmt::format("cannot include: {}", error.what()));
            return nothing;
        }
    }

    std::vector<Mistake>& problems_;
    std::vector<std::filesystem::path> open_;  ///< files being read, outermost first
    int sources_ = 0;
};

class Overrider {
  public:
    Overrider(const std::string& argument, int order, std::vector<Mistake>& problems)
        : argument_(argument),
          source_(
              std::make_shared<Source>(Source{"--set " + argument, std::filesystem::current_path(), order})),
          problems_(problems) {}

    void apply(Node& root) {
        const std::size_t equals = argument_.find('=');
        if (equals == std::string::npos || equals == 0 || argument_[equals - 1] == '.') {
            return complain("an override is written key.sub=value");
        }
        Node value;
        try {
            value = override_value(argument_.substr(equals + 1));
        } catch (Mistake& problem) {
            return complain(problem.text);
        }
        Node* node = &root;
        std::string_view path = std::string_view(argument_).substr(0, equals);
        while (node && !path.empty()) {
            const std::string_view part = path.substr(0, path.find('.'));
            path.remove_prefix(std::min(path.size(), part.size() + 1));
            node = descend(*node, part);
        }
        if (!node) return;
        node->value = std::move(value.value);
        node->children = std::move(value.children);
        put_in_override(*node);
    }

  private:
    /// Lines and columns of a value given on a command line would mislead.
    void put_in_override(Node& node) const {
        node.place = node.key_place = {source_};
        for (Node& child : node.children) put_in_override(child);
    }

    void complain(std::string text) { problems_.push_back({{source_}, std::move(text)}); }

    /// A TOML value; a bare word, such as a path or the name of a choice, is taken for a text.
    Node override_value(const std::string& text) const {
        try {
            Node table = parse("value = " + text, source_);
            if (table.children.size() == 1) return std::move(table.children.front());
        } catch (const Mistake&) {
            const std::size_t start = text.find_first_not_of(" \t");
            if (start != std::string::npos &&
                std::string_view("[{\"'").find(text[start]) != std::string_view::npos) {
                throw;
            }
        }
        Node word = empty_table("", source_);
        word.value = text;
        return word;
    }

    /// The child called part, made when absent; an index at the end of a list adds a table to it.
    Node* descend(Node& node, std::string_view part) {
        if (part.empty()) {
            complain("a part of the key is empty; an override is written key.sub=value");
            return nullptr;
        }
        std::size_t index = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
        const bool is_index = error == std::errc{} && end == part.data() + part.size();
        if (is_index && node.is_table() && node.children.empty()) node.value = Node::List{};
        if (node.is_list()) {
            if (!is_index || index > node.children.size()) {
                complain(fmt::format("'{}' is no index of a list of {}", part, node.children.size()));
                return nullptr;
            }
            if (index == node.children.size()) node.children.push_back(empty_table("", source_));
            return &node.children[index];
        }
        if (!node.is_table()) {
            complain(fmt::format("'{}' is no table (it is {}), so it has no '{}'", node.name,
                                 found_text(node), part));
            return nullptr;
        }
        if (Node* child = node.child(part)) return child;
        node.children.push_back(empty_table(std::string(part), source_));
        return &node.children.back();
    }

    const std::string& argument_;
    SourcePtr source_;
    std::vector<Mistake>& problems_;
};

}  // namespace

std::string Place::text() const {
    if (line == 0) return source->name;
    return fmt::format("{}:{}:{}", source->name, line, column);
}

void throw_problems(std::vector<Mistake> problems) {
    if (problems.empty()) return;
    const auto key = [](const Mistake& p) {
        return std::tuple(p.place.source->order, p.place.line, p.place.column);
    };
    std::stable_sort(problems.begin(), problems.end(),
                     [&](const Mistake& a, const Mistake& b) { return key(a) < key(b); });
    std::string text;
    for (const Mistake& problem : problems) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", problem.place.text(), problem.text);
    }
    throw ConfigError(text);
}

const Node* Node::child(std::string_view key) const {
    const auto found =
        std::find_if(children.begin(), children.end(), [&](const Node& c) { return c.name == key; });
    return found == children.end() || !is_table() ? nullptr : &*found;
}

Node* Node::child(std::string_view key) { return const_cast<Node*>(std::as_const(*this).child(key)); }

const Node* Node::find(std::string_view path) const {
    const std::string_view part = path.substr(0, path.find('.'));
    const Node* next = child(part);
    std::size_t index = 0;
    if (is_list() && std::from_chars(part.data(), part.data() + part.size(), index).ec == std::errc{} &&
        index < children.size()) {
        next = &children[index];
    }
    return !next || part.size() == path.size() ? next : next->find(path.substr(part.size() + 1));
}

std::string found_text(const Node& node) {
    struct Describe {
        std::string operator()(Node::Table) const { return "a table"; }
        std::string operator()(Node::List) const { return "a list"; }
        std::string operator()(Node::Other) const { return "a date or time"; }
        std::string operator()(bool value) const { return value ? "true" : "false"; }
        std::string operator()(std::int64_t value) const { return fmt::format("integer {}", value); }
        std::string operator()(double value) const { return fmt::format("number {}", value); }
        std::string operator()(const std::string& value) const { return fmt::format("text \"{}\"", value); }
    };
    return std::visit(Describe{}, node.value);
}

Node read_config(const std::string& text, const std::string& name, std::vector<Mistake>& problems) {
    return Reader(problems).file(text, name);
}

void apply_overrides(Node& root, const std::vector<std::string>& overrides, std::vector<Mistake>& problems) {
    int order = 1'000'000;  // after every file
    for (const std::string& argument : overrides) Overrider(argument, order++, problems).apply(root);
}

}  // namespace vtvc
