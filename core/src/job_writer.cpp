// Writing jobs: commented defaults, resolved configurations, and the identity of a run. All visitors here
// only look at the job, so a const one may be described to them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "toml_value.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/job_tree.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc {
namespace {

std::string_view type_name(bool) { return "true or false"; }
std::string_view type_name(std::int64_t) { return "integer"; }
std::string_view type_name(double) { return "number"; }
std::string_view type_name(const std::string&) { return "text"; }
std::string_view type_name(const std::vector<std::int64_t>&) { return "list of integers"; }
std::string_view type_name(const std::vector<double>&) { return "list of numbers"; }
std::string_view type_name(const std::vector<std::string>&) { return "list of texts"; }

/// Passes every key on as its name and its value in TOML.
class TextVisitor : public Visitor {
  public:
    void key(std::string_view n, bool& v, const Key& k) override { entry(n, toml_value(v), type_name(v), k); }
    void key(std::string_view n, std::int64_t& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void key(std::string_view n, double& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void key(std::string_view n, std::string& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void key(std::string_view n, std::vector<std::int64_t>& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void key(std::string_view n, std::vector<double>& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void key(std::string_view n, std::vector<std::string>& v, const Key& k) override {
        entry(n, toml_value(v), type_name(v), k);
    }
    void choice(std::string_view n, int& index, std::span<const std::string_view> names,
                const Key& k) override {
        entry(n, toml_value(names[static_cast<std::size_t>(index)]),
              fmt::format("{}", fmt::join(names, " | ")), k);
    }

  protected:
    /// type: as a reader of the file would call it.
    virtual void entry(std::string_view name, const std::string& value, std::string_view type,
                       const Key& about) = 0;
};

class TomlWriter : public TextVisitor {
  public:
    enum class Style { plain, commented };
    TomlWriter(std::string_view kind, Style style) : kind_(kind), style_(style) {}

    const std::string& text() const { return text_; }

    void section(std::string_view name, std::string_view help) override {
        section_ = name;
        text_ += text_.empty() ? "" : "\n";
        if (commented()) text_ += fmt::format("# {}\n", help);
        text_ += fmt::format("[{}]\n", name);
        if (name == "job") text_ += fmt::format("kind = {}\n", toml_value(kind_));
    }

  protected:
    void entry(std::string_view name, const std::string& value, std::string_view type,
               const Key& about) override {
        const std::string line = fmt::format("{} = {}", local(name), value);
        if (!commented()) {
            text_ += line + "\n";
            return;
        }
        const bool required = about.presence == Key::Presence::required;
        text_ += fmt::format("# {}\n{}{}  # {}\n", about.help, required || in_sample_ ? "# " : "", line,
                             facts(type, about));
    }
    std::size_t begin_rows(std::string_view name, std::size_t count, const Key& about) override {
        section_.clear();
        rows_ = name;
        if (commented())
            text_ +=
                fmt::format("\n# {}{}\n", about.help,
                            about.presence == Key::Presence::required ? " At least one is required." : "");
        return count;
    }
    void begin_row(std::size_t index) override {
        text_ += fmt::format("{}[[{}]]\n", commented() && index == 0 ? "" : "\n", rows_);
    }
    void end_row() override {}
    bool begin_sample_row() override {
        in_sample_ = commented();
        if (in_sample_) text_ += fmt::format("# [[{}]]\n", rows_);
        return in_sample_;
    }
    void end_sample_row() override { in_sample_ = false; }
    void end_rows() override { rows_.clear(); }

  private:
    bool commented() const { return style_ == Style::commented; }

    /// The name inside the current table. A key described outside its section would land in another table.
    std::string_view local(std::string_view name) const {
        if (section_.empty()) return name;
        if (!name.starts_with(section_ + "."))
            fail<Error>("key '{}' is described in section [{}]", name, section_);
        return name.substr(section_.size() + 1);
    }

    static std::string facts(std::string_view type, const Key& about) {
        std::string text(type);
        if (!about.unit.empty()) text += fmt::format(", {}", about.unit);
        if (std::isfinite(about.min)) text += fmt::format(", at least {}", about.min);
        if (std::isfinite(about.max)) text += fmt::format(", at most {}", about.max);
        if (about.role == Role::input) text += ", a file, from this file's folder";
        if (about.presence == Key::Presence::required) text += ", required";
        return text;
    }

    std::string kind_, text_, section_, rows_;
    Style style_;
    bool in_sample_ = false;
};

/// Knows the full name of a key inside of rows, and whether it is one that was asked for.
class RowsVisitor : public TextVisitor {
  public:
    explicit RowsVisitor(std::string_view only) : only_(only) {}
    void section(std::string_view, std::string_view) override {}

  protected:
    const std::string& prefix() const { return prefix_; }
    bool wanted(std::string_view name) const {
        if (only_.empty()) return true;
        if (prefix_.empty()) return name == only_;
        if (rows_ == only_) return true;
        return only_.size() == prefix_.size() + name.size() && only_.starts_with(prefix_) &&
               only_.ends_with(name);
    }
    std::size_t begin_rows(std::string_view name, std::size_t count, const Key&) override {
        rows_ = name;
        return count;
    }
    void begin_row(std::size_t index) override { prefix_ = fmt::format("{}.{}.", rows_, index); }
    void end_row() override { prefix_.clear(); }
    void end_rows() override { rows_.clear(); }

  private:
    std::string_view only_;
    std::string rows_, prefix_;
};

/// "name=value" of every key that makes the run what it is.
class IdentityVisitor : public RowsVisitor {
  public:
    IdentityVisitor(const HashOf& content_hash_of, std::string_view only)
        : RowsVisitor(only), content_hash_of_(content_hash_of) {}
    using RowsVisitor::key;
    void key(std::string_view name, std::string& value, const Key& about) override {
        if (!wanted(name)) return;
        const bool content = about.role == Role::input && !value.empty();
        entry(name, content ? content_hash_of_(value) : toml_value(value), "", about);
    }
    /// Sorted, so that the order in which describe() lists keys is no part of the identity.
    std::vector<std::string> lines() && {
        std::sort(lines_.begin(), lines_.end());
        return std::move(lines_);
    }

  protected:
    void entry(std::string_view name, const std::string& value, std::string_view, const Key& about) override {
        if (about.role != Role::execution && wanted(name))
            lines_.push_back(fmt::format("{}{}={}", prefix(), name, value));
    }

  private:
    const HashOf& content_hash_of_;
    std::vector<std::string> lines_;
};

/// Every key as its full name, its value in TOML and its role.
class FactVisitor final : public RowsVisitor {
  public:
    using RowsVisitor::RowsVisitor;
    std::vector<KeyFact> facts;

  protected:
    void entry(std::string_view name, const std::string& value, std::string_view, const Key& about) override {
        if (wanted(name)) facts.push_back({fmt::format("{}{}", prefix(), name), value, about.role});
    }
};

/// Passes the path of every input through a function.
class InputVisitor final : public Visitor {
  public:
    explicit InputVisitor(const PathMap& map) : map_(map) {}
    void section(std::string_view, std::string_view) override {}
    void key(std::string_view, bool&, const Key&) override {}
    void key(std::string_view, std::int64_t&, const Key&) override {}
    void key(std::string_view, double&, const Key&) override {}
    void key(std::string_view, std::string& value, const Key& about) override {
        if (about.role == Role::input && !value.empty()) value = map_(value);
    }
    void key(std::string_view, std::vector<std::int64_t>&, const Key&) override {}
    void key(std::string_view, std::vector<double>&, const Key&) override {}
    void key(std::string_view, std::vector<std::string>&, const Key&) override {}
    void choice(std::string_view, int&, std::span<const std::string_view>, const Key&) override {}

  protected:
    std::size_t begin_rows(std::string_view, std::size_t count, const Key&) override { return count; }
    void begin_row(std::size_t) override {}
    void end_row() override {}
    void end_rows() override {}

  private:
    const PathMap& map_;
};

void show(const Job& job, Visitor& visitor) {
    const_cast<Job&>(job).describe(visitor);  // see the top of this file
}

}  // namespace

std::string dump_default(const std::string& kind) {
    const auto job = make_job(kind);
    if (!job) {
        const auto kinds = job_kinds();
        fail<ConfigError>("unknown job kind \"{}\", must be one of {}{}", kind, fmt::join(kinds, ", "),
                          did_you_mean(kind, kinds));
    }
    TomlWriter writer(kind, TomlWriter::Style::commented);
    show(*job, writer);
    return fmt::format(
        "# Every key of a {} job with its default. Keys that are commented out have none.\n\n{}", kind,
        writer.text());
}

std::string resolved_toml(const Job& job) {
    TomlWriter writer(job.kind(), TomlWriter::Style::plain);
    show(job, writer);
    return writer.text();
}

std::string run_id(const Job& job, const HashOf& content_hash_of) {
    Hasher hasher;
    hasher.add(job.kind()).add(std::to_string(job.results_number()));
    for (const std::string& line : identity_lines(job, content_hash_of)) hasher.add(line);
    return hasher.hex().substr(0, 16);
}

std::vector<std::string> identity_lines(const Job& job, const HashOf& content_hash_of,
                                        std::string_view only) {
    IdentityVisitor visitor(content_hash_of, only);
    show(job, visitor);
    return std::move(visitor).lines();
}

void map_inputs(Job& job, const PathMap& map) {
    InputVisitor visitor(map);
    job.describe(visitor);
}

std::vector<KeyFact> key_facts(const Job& job, std::string_view only) {
    FactVisitor visitor(only);
    show(job, visitor);
    return std::move(visitor.facts);
}

}  // namespace vtvc
