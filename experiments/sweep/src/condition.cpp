#include "condition.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {
namespace {

/// The values of a key (or of everything below it) as one text, whatever way they were written.
std::string value_text(const Job& job, const std::string& key) {
    std::string text;
    for (const KeyFact& fact : key_facts(job, key)) text += fact.name + "=" + fact.value + "\n";
    return text;
}

Node tree_of(const std::string& key, const Node& value) {
    Node root{"", Node::Table{}, {}, value.place, value.key_place};
    put_at(root, key, value);
    return root;
}

}  // namespace

/// Conditions speak of keys of the job, or of an axis of the stage that this one has a run for each run of,
/// by its label.
Grid::Test Grid::test_of(const Condition& condition, std::vector<Mistake>& problems) const {
    Test test;
    for (const Condition::Term& wanted : condition.terms) {
        Test::Term term;
        std::vector<Mistake> ignored;
        const auto scratch = read_job(tree_, ignored);
        const std::size_t before = problems.size();
        const bool known = set_key(*scratch, tree_of(wanted.key, wanted.value), wanted.key, problems);
        if (known && problems.size() == before) {
            const std::string text = value_text(*scratch, wanted.key);
            term.base = value_text(*job_, wanted.key) == text;
            for (std::size_t d = 0; d < dimensions_.size(); ++d) {
                const Dimension& dimension = dimensions_[d];
                const auto at = std::find(dimension.keys.begin(), dimension.keys.end(), wanted.key);
                if (at == dimension.keys.end()) continue;
                std::vector<bool> fits;
                for (const auto& values : dimension.values) {
                    const Node& value = values[static_cast<std::size_t>(at - dimension.keys.begin())];
                    set_key(*scratch, tree_of(wanted.key, value), wanted.key, ignored);
                    fits.push_back(value_text(*scratch, wanted.key) == text);
                }
                term.by_choice.emplace_back(d, std::move(fits));
            }
        } else if (!known) {
            std::vector<std::string> names;
            for (std::size_t d = 0; d < dimensions_.size(); ++d) {
                names.push_back(dimensions_[d].name);
                const auto* label = std::get_if<std::string>(&wanted.value.value);
                if (dimensions_[d].name != wanted.key) continue;
                std::vector<bool> fits;
                const std::string text = label ? *label : inline_toml(wanted.value);
                for (const std::string& own : dimensions_[d].labels) fits.push_back(own == text);
                if (std::find(fits.begin(), fits.end(), true) == fits.end()) {
                    problems.push_back(
                        {wanted.value.place, fmt::format("axis '{}' has no \"{}\" (it has {}){}", wanted.key,
                                                         text, fmt::join(dimensions_[d].labels, ", "),
                                                         did_you_mean(text, dimensions_[d].labels))});
                    test.sound = false;
                }
                term.by_choice.emplace_back(d, std::move(fits));
            }
            if (term.by_choice.empty()) {
                for (const KeyFact& fact : key_facts(*job_)) names.push_back(fact.name);
                problems.push_back({wanted.value.key_place, fmt::format("unknown key '{}'{}", wanted.key,
                                                                        did_you_mean(wanted.key, names))});
                test.sound = false;
            }
        } else {
            test.sound = false;
        }
        test.terms.push_back(std::move(term));
    }
    return test;
}

}  // namespace vtvc::sweep
