#include "grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vtvc/core/error.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {
namespace {

/// Texts that begin with @ become absolute paths, which readers of jobs leave as they are.
void mark_references(Node& node) {
    if (auto* text = std::get_if<std::string>(&node.value); text && text->starts_with('@'))
        *text = path_for_reference(*text);
    for (Node& child : node.children) mark_references(child);
}

Node tree_of(const std::string& key, Node value) {
    Node root{"", Node::Table{}, {}, value.place, value.key_place};
    put_at(root, key, std::move(value));
    return root;
}

bool covers(const std::string& key, std::string_view other) {
    return other == key || (other.starts_with(key) && other.size() > key.size() && other[key.size()] == '.');
}

bool covers_line(const std::string& key, std::string_view line) {
    return line.starts_with(key) && line.size() > key.size() &&
           (line[key.size()] == '=' || line[key.size()] == '.');
}

/// Where in a tree a path was written, if it was.
const Node* find_path(const Node& node, const std::string& path) {
    const auto* text = std::get_if<std::string>(&node.value);
    if (text && !text->empty() && (node.place.source->folder / *text).lexically_normal().string() == path)
        return &node;
    for (const Node& child : node.children)
        if (const Node* found = find_path(child, path)) return found;
    return nullptr;
}

}  // namespace

Grid::Grid(const Stage& stage, const Grid* parent, const ContentHash& hash, std::vector<Mistake>& problems)
    : stage_(stage) {
    if (parent) {
        for (const Dimension& theirs : parent->dimensions_) {
            Dimension own;
            own.name = theirs.name;
            own.labels = theirs.labels;
            own.values.resize(own.labels.size());
            own.lines.resize(own.labels.size());
            own.place = theirs.place;
            dimensions_.push_back(std::move(own));
        }
        inherited_ = dimensions_.size();
    }
    add_dimensions(stage.axes, -1);
    for (std::size_t i = 0; i < stage.whens.size(); ++i)
        add_dimensions(stage.whens[i].axes, static_cast<int>(i));
    if (!stage.seeds.empty()) {
        Axis seeds{"seed", {"job.seed"}, {}, stage.place};
        for (const std::int64_t seed : stage.seeds)
            seeds.choices.push_back(
                {std::to_string(seed), {Node{"", seed, {}, stage.place, stage.place}}, stage.place});
        add_dimensions({seeds}, -1);
    }
    check_keys(problems);
    tree_ = base_tree();
    job_ = read_job(tree_, problems);
    if (!job_) return;
    read_choices(hash, problems);
    for (const char* key : {"job.threads", "train.steps", "train.batch", "bench.repetitions"}) track(key);
    enumerate(parent, problems);
}

void Grid::add_dimensions(const std::vector<Axis>& axes, int when) {
    for (const Axis& axis : axes) {
        Dimension own;
        own.name = axis.name;
        own.keys = axis.keys;
        own.when = when;
        own.place = axis.place;
        for (const Choice& choice : axis.choices) {
            own.labels.push_back(choice.label);
            own.values.push_back(choice.values);
            for (Node& value : own.values.back()) {
                mark_references(value);
                value.key_place = axis.place;
            }
        }
        own.lines.resize(own.labels.size());
        dimensions_.push_back(std::move(own));
    }
}

void Grid::check_keys(std::vector<Mistake>& problems) const {
    for (std::size_t i = 0; i < dimensions_.size(); ++i) {
        const Dimension& one = dimensions_[i];
        for (std::size_t j = 0; j < i; ++j) {
            const Dimension& other = dimensions_[j];
            // Axes of different conditions may share a key or a name where no point has both (enumerate()).
            if (one.when != other.when && one.when >= 0 && other.when >= 0) continue;
            if (one.name == other.name)
                problems.push_back(
                    {one.place,
                     fmt::format("a second axis is called '{}'; give one of them a 'name'", one.name)});
            for (const std::string& key : one.keys)
                for (const std::string& known : other.keys)
                    if (covers(key, known) || covers(known, key))
                        problems.push_back(
                            {one.place, fmt::format("two axes set '{}'{}; a key has one axis", key,
                                                    key == known ? "" : " and '" + known + "'")});
        }
        for (const std::string& key : one.keys) {
            if (key == "job.store" || key == "job.out")
                problems.push_back(
                    {one.place,
                     fmt::format("'{}' cannot be an axis (the sweep says where its runs lie)", key)});
            if (key == "job.kind")
                problems.push_back(
                    {one.place,
                     "'job.kind' cannot be an axis (kinds have different keys); give each kind a [[stage]]"});
        }
    }
    for (const char* key : {"job.store", "job.out"})
        if (const Node* node = stage_.job.find(key))
            problems.push_back({node->key_place,
                                fmt::format("'{}' cannot be set (the sweep says where its runs lie)", key)});
}

/// The job with the first choice of every axis that always exists, so that keys which only axes give are
/// there.
Node Grid::base_tree() const {
    Node tree = stage_.job;
    mark_references(tree);
    for (const Dimension& dimension : dimensions_) {
        if (dimension.when >= 0 || dimension.keys.empty()) continue;
        for (std::size_t k = 0; k < dimension.keys.size(); ++k)
            if (dimension.keys[k] != "job.kind") put_at(tree, dimension.keys[k], dimension.values.front()[k]);
    }
    return tree;
}

void Grid::apply(Job& job, std::size_t dimension, std::uint32_t choice,
                 std::vector<Mistake>& problems) const {
    const Dimension& from = dimensions_[dimension];
    for (std::size_t k = 0; k < from.keys.size(); ++k)
        set_key(job, tree_of(from.keys[k], from.values[choice - 1][k]), from.keys[k], problems);
}

Line Grid::line_of(std::string text, const std::map<std::string, Place>& written_at,
                   std::vector<Mistake>& problems) {
    Line line{std::move(text), -1};
    const auto mark = line.text.find("=\x01");
    if (mark == std::string::npos) return line;
    const std::string written = line.text.substr(mark + 2);
    line.text.resize(mark + 1);
    for (std::size_t i = 0; i < references_.size(); ++i)
        if (references_[i].text == written) line.reference = static_cast<int>(i);
    if (line.reference >= 0) return line;
    if (auto reference = parse_reference(written, written_at.at(written), problems)) {
        references_.push_back(std::move(*reference));
        line.reference = static_cast<int>(references_.size()) - 1;
    }
    return line;
}

void Grid::read_choices(const ContentHash& hash, std::vector<Mistake>& problems) {
    Place place = stage_.place;
    const Node* tree = &tree_;
    std::map<std::string, Place> written_at;  ///< references
    const HashOf hash_of = [&](const std::string& path) -> std::string {
        const Node* node = find_path(*tree, path);
        if (node) place = node->place;
        if (is_reference(path)) {
            written_at.emplace(reference_of_path(path), place);
            return fmt::format("\x01{}", reference_of_path(path));
        }
        try {
            return hash(path);
        } catch (const StorageError& error) {
            problems.push_back({place, error.what()});
            return "";
        }
    };
    for (const std::string& text : identity_lines(*job_, hash_of)) {
        const bool replaced = std::any_of(dimensions_.begin(), dimensions_.end(), [&](const Dimension& d) {
            return d.when < 0 && std::any_of(d.keys.begin(), d.keys.end(),
                                             [&](const std::string& key) { return covers_line(key, text); });
        });
        if (replaced) continue;
        BaseLine base{line_of(text, written_at, problems), {}};
        for (std::size_t d = 0; d < dimensions_.size(); ++d)
            for (const std::string& key : dimensions_[d].keys)
                if (covers_line(key, text)) base.unless.push_back(d);
        lines_.push_back(std::move(base));
    }
    for (Dimension& dimension : dimensions_) {
        if (dimension.keys.empty()) continue;
        std::vector<Mistake> ignored;
        const auto scratch = read_job(tree_, ignored);
        for (std::size_t c = 0; c < dimension.labels.size(); ++c) {
            for (std::size_t k = 0; k < dimension.keys.size(); ++k) {
                const std::string& key = dimension.keys[k];
                const Node root = tree_of(key, dimension.values[c][k]);
                tree = &root;
                place = dimension.values[c][k].place;
                if (!set_key(*scratch, root, key, problems)) {
                    std::vector<std::string> known;
                    for (const KeyFact& fact : key_facts(*job_)) known.push_back(fact.name);
                    if (dimension.when >= 0 && c == 0)  // the others are complained of in the base's tree
                        problems.push_back({dimension.place, fmt::format("unknown key '{}'{}", key,
                                                                         did_you_mean(key, known))});
                    continue;
                }
                for (const std::string& text : identity_lines(*scratch, hash_of, key))
                    dimension.lines[c].push_back(line_of(text, written_at, problems));
            }
            std::sort(dimension.lines[c].begin(), dimension.lines[c].end(),
                      [](const Line& a, const Line& b) { return a.text < b.text; });
        }
        tree = &tree_;
    }
}

void Grid::track(const std::string& key) {
    const auto number_in = [&](const Job& job) {
        const auto facts = key_facts(job, key);
        return facts.size() == 1 ? std::strtod(facts.front().value.c_str(), nullptr) : 0.0;
    };
    Tracked tracked;
    tracked.base = number_in(*job_);
    for (std::size_t d = 0; d < dimensions_.size(); ++d) {
        const Dimension& dimension = dimensions_[d];
        const auto at = std::find(dimension.keys.begin(), dimension.keys.end(), key);
        if (at == dimension.keys.end()) continue;
        std::vector<Mistake> ignored;
        const auto scratch = read_job(tree_, ignored);
        std::vector<double> numbers;
        for (const auto& values : dimension.values) {
            set_key(*scratch, tree_of(key, values[static_cast<std::size_t>(at - dimension.keys.begin())]),
                    key, ignored);
            numbers.push_back(number_in(*scratch));
        }
        tracked.by_dimension.emplace_back(d, std::move(numbers));
    }
    tracked_.emplace(key, std::move(tracked));
}

double Grid::number(const std::string& key, std::size_t point) const {
    const auto found = tracked_.find(key);
    if (found == tracked_.end()) return 0;
    for (const auto& [dimension, numbers] : found->second.by_dimension)
        if (const auto at = choice(point, dimension); at > 0) return numbers[at - 1];
    return found->second.base;
}

std::optional<std::size_t> Grid::find(const std::vector<std::uint32_t>& choices) const {
    const auto bytes = [](const std::uint32_t* first, std::size_t count) {
        return std::string(reinterpret_cast<const char*>(first), count * sizeof *first);
    };
    if (index_.empty())
        for (std::size_t i = 0; i < size(); ++i)
            index_.emplace(bytes(choices_.data() + i * stride_, stride_), i);
    const auto found = index_.find(bytes(choices.data(), choices.size()));
    if (found == index_.end()) return std::nullopt;
    return found->second;
}

std::string Grid::point_text(std::size_t point) const {
    std::string text;
    for (std::size_t d = 0; d < dimensions_.size(); ++d)
        if (const auto at = choice(point, d); at > 0)
            text += fmt::format("{}{}={}", text.empty() ? "" : " ", dimensions_[d].name,
                                dimensions_[d].labels[at - 1]);
    return text;
}

void Grid::lines_of(std::size_t point, std::vector<const Line*>& lines) const {
    lines.clear();
    const std::uint32_t* const at = choices_.data() + point * stride_;
    for (const BaseLine& base : lines_)
        if (std::none_of(base.unless.begin(), base.unless.end(), [&](std::size_t d) { return at[d] > 0; }))
            lines.push_back(&base.line);
    const auto fixed = static_cast<std::ptrdiff_t>(lines.size());
    for (std::size_t d = 0; d < dimensions_.size(); ++d)
        if (at[d] > 0)
            for (const Line& line : dimensions_[d].lines[at[d] - 1]) lines.push_back(&line);
    const auto before = [](const Line* a, const Line* b) { return a->text < b->text; };
    std::sort(lines.begin() + fixed, lines.end(), before);
    std::inplace_merge(lines.begin(), lines.begin() + fixed, lines.end(), before);
}

std::unique_ptr<Job> Grid::job(std::size_t point) const {
    std::vector<Mistake> problems;
    auto made = read_job(tree_, problems);
    for (std::size_t d = 0; d < dimensions_.size(); ++d)
        if (const auto at = choice(point, d); at > 0) apply(*made, d, at, problems);
    return made;
}

void Grid::check_points(std::vector<Mistake>& problems) const {
    // A job for each set of conditions that hold, so that leaving one restores what it had set.
    struct Scratch {
        std::unique_ptr<Job> job;
        std::vector<std::uint32_t> at;
    };
    std::map<std::vector<bool>, Scratch> scratches;
    std::set<std::string> seen;
    std::vector<std::string> found;
    std::vector<bool> exists(dimensions_.size());
    for (std::size_t point = 0; point < size(); ++point) {
        for (std::size_t d = 0; d < dimensions_.size(); ++d) exists[d] = choice(point, d) > 0;
        Scratch& scratch = scratches[exists];
        std::vector<Mistake> ignored;  // values were checked one by one
        if (!scratch.job) {
            scratch.job = read_job(tree_, ignored);
            scratch.at.assign(dimensions_.size(), 0);
        }
        for (std::size_t d = 0; d < dimensions_.size(); ++d)
            if (const auto at = choice(point, d); at != scratch.at[d]) {
                if (at > 0) apply(*scratch.job, d, at, ignored);
                scratch.at[d] = at;
            }
        found.clear();
        scratch.job->check(found);
        for (const std::string& problem : found)
            if (seen.insert(problem).second)
                problems.push_back(
                    {stage_.place, fmt::format("{} (at the point {})", problem, point_text(point))});
    }
}

}  // namespace vtvc::sweep
