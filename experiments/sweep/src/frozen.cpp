// Writing a sweep with every include, scale, range and seed written out.
#include "frozen.hpp"

#include <fmt/format.h>

#include <map>

namespace vtvc::sweep {
namespace {

std::string quoted(const std::string& text) { return inline_toml({"", text, {}, {}, {}}); }

template <class T>
std::string list_of(const std::vector<T>& items) {
    std::string text;
    for (const T& item : items) {
        if (!text.empty()) text += ", ";
        if constexpr (std::is_same_v<T, std::string>) {
            text += quoted(item);
        } else {
            text += std::to_string(item);
        }
    }
    return "[" + text + "]";
}

std::string values_of(const Axis& axis, std::size_t key) {
    std::string text;
    for (const Choice& choice : axis.choices)
        text += (text.empty() ? "" : ", ") + inline_toml(choice.values[key]);
    return "[" + text + "]";
}

std::string axis_text(const Axis& axis, const std::string& table) {
    std::vector<std::string> labels;
    for (const Choice& choice : axis.choices) labels.push_back(choice.label);
    const bool alone = axis.keys.size() == 1;
    std::string values;
    for (std::size_t k = 0; k < axis.keys.size(); ++k) values += (k == 0 ? "" : ", ") + values_of(axis, k);
    return fmt::format("[[{}.{}]]\nname = {}\n{} = {}\nvalues = {}\nlabels = {}\n", table,
                       alone ? "axis" : "zip", quoted(axis.name), alone ? "key" : "keys",
                       alone ? quoted(axis.keys.front()) : list_of(axis.keys),
                       alone ? values : "[" + values + "]", list_of(labels));
}

std::string terms_text(const Condition& condition) {
    std::string text;
    for (const auto& term : condition.terms)
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", quoted(term.key), inline_toml(term.value));
    return text;
}

std::string stage_text(const Stage& stage) {
    std::string text = fmt::format("\n[[stage]]\nname = {}\n", quoted(stage.name));
    if (!stage.each.empty()) text += fmt::format("each = {}\n", quoted(stage.each));
    if (!stage.after.empty()) text += fmt::format("after = {}\n", list_of(stage.after));
    text += fmt::format("fixed = {}\n", inline_toml(stage.job));
    if (!stage.seeds.empty()) text += fmt::format("seeds = {{ list = {} }}\n", list_of(stage.seeds));
    const Resources& needs = stage.resources;
    text += fmt::format(
        "resources = {{ ranks = {}, {}gpus_per_rank = {}, mem = {:.1f}, time = {:.1f} }}\n", needs.ranks,
        needs.cpus_per_rank > 0 ? fmt::format("cpus_per_rank = {}, ", needs.cpus_per_rank) : "",
        needs.gpus_per_rank, needs.memory_mb, needs.time_s);
    if (!stage.excludes.empty()) {
        std::string excludes;
        for (const Condition& exclude : stage.excludes)
            excludes += fmt::format("{}{{ {} }}", excludes.empty() ? "" : ", ", terms_text(exclude));
        text += fmt::format("exclude = [{}]\n", excludes);
    }
    for (const Axis& axis : stage.axes) text += axis_text(axis, "stage");
    for (const When& when : stage.whens) {
        text += fmt::format("[[stage.when]]\nif = {{ {} }}\n", terms_text(when.condition));
        for (const Axis& axis : when.axes) text += axis_text(axis, "stage.when");
    }
    return text;
}

class Absolute {
  public:
    explicit Absolute(const Grid& grid) {
        for (const KeyFact& fact : key_facts(grid.base())) roles_[fact.name] = fact.role;
    }
    void change(Node& node, const std::string& path) const {
        if (auto* text = std::get_if<std::string>(&node.value)) {
            const auto role = roles_.find(path);
            if (role != roles_.end() && role->second == Role::input && !text->empty() &&
                !text->starts_with('@'))
                *text = (node.place.source->folder / *text).lexically_normal().string();
            return;
        }
        for (std::size_t i = 0; i < node.children.size(); ++i) {
            Node& child = node.children[i];
            const std::string name = child.name.empty() ? std::to_string(i) : child.name;
            change(child, path.empty() ? name : path + "." + name);
        }
    }
    void change(std::vector<Axis>& axes) const {
        for (Axis& axis : axes)
            for (Choice& choice : axis.choices)
                for (std::size_t k = 0; k < axis.keys.size(); ++k) change(choice.values[k], axis.keys[k]);
    }

  private:
    std::map<std::string, Role> roles_;
};

}  // namespace

SweepFile absolute_paths(SweepFile file, const std::vector<std::unique_ptr<Grid>>& grids) {
    for (std::size_t i = 0; i < file.stages.size(); ++i) {
        Stage& stage = file.stages[i];
        const Absolute absolute(*grids[i]);
        absolute.change(stage.job, "");
        absolute.change(stage.axes);
        for (When& when : stage.whens) {
            absolute.change(when.axes);
            for (auto& term : when.condition.terms) absolute.change(term.value, term.key);
        }
        for (Condition& exclude : stage.excludes)
            for (auto& term : exclude.terms) absolute.change(term.value, term.key);
    }
    return file;
}

std::string frozen_text(const SweepFile& file) {
    std::string text = fmt::format(
        "# Written by vtvc from the sweep file beside it, with everything looked up.\n"
        "[sweep]\nname = {}\ndescription = {}\nseed = {}\nmax_runs = {}\n",
        quoted(file.name), quoted(file.description), file.seed, file.max_runs);
    if (!file.metric.name.empty())
        text += fmt::format("metric = {{ name = {}, goal = {} }}\n", quoted(file.metric.name),
                            file.metric.goal == Goal::maximize ? "\"maximize\"" : "\"minimize\"");
    const Retry& retry = file.retry;
    text += fmt::format(
        "\n[retry]\nmax_attempts = {}\nmax_stalls = {}\non = {}\n"
        "backoff = {{ base = {:.3f}, factor = {:.3f}, max = {:.3f}, jitter = {:.3f} }}\n",
        retry.max_attempts, retry.max_stalls, list_of(retry.on), retry.base_s, retry.factor, retry.max_s,
        retry.jitter);
    text += fmt::format("\n[record]\nexport = {}\nkeep_checkpoints = {}\n", list_of(file.exports),
                        file.keep_checkpoints);
    for (const Stage& stage : file.stages) text += stage_text(stage);
    return text;
}

}  // namespace vtvc::sweep
