#include "torch_walk.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "names.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

// A value that is shared is visited once for every path to it. Real files share few values; n pairs, each
// twice in the next, have 2^n paths.
constexpr std::size_t kMostVisits = 2'000'000;
constexpr std::size_t kVisitsOfAny = 10'000, kVisitsOfEach = 64;
constexpr int kDeepest = 200;
constexpr std::size_t kLongestPath = 2'000;
constexpr std::size_t kMostTensors = 200'000;
constexpr std::size_t kMostNotes = 4'096;
constexpr std::size_t kLongestNote = 4'096;

enum class Tensors { listed, left_out };

class Walker {
  public:
    Walker(const PickleGraph& graph, std::string_view where)
        : graph_(graph),
          where_(where),
          most_visits_(std::min(kMostVisits, kVisitsOfAny + kVisitsOfEach * graph.values.size())),
          open_(graph.values.size(), false) {}

    TorchContents run() {
        const auto& root = graph_[graph_.root];
        out_.layout = layout_of(root);
        if (is_tensor(graph_, graph_.root))
            visit(graph_.root, "tensor", Tensors::listed, 0);
        else
            visit(graph_.root, "", Tensors::listed, 0);
        if (left_out_ > 0) out_.notes["(notes left out)"] = std::to_string(left_out_);
        return std::move(out_);
    }

  private:
    std::string layout_of(const PickleValue& root) const {
        if (root.kind == PickleKind::dict) return "PyTorch state dict";
        if (root.kind == PickleKind::object) {
            const auto name = class_of(root);
            if (name == "collections.OrderedDict" || name == "collections.defaultdict")
                return "PyTorch state dict";
            if (is_tensor(graph_, graph_.root)) return "pickled tensor";
            return (is_module(root) ? "pickled module " : "pickled object ") + shown(name);
        }
        return root.kind == PickleKind::list || root.kind == PickleKind::tuple ? "pickled list"
                                                                               : "pickled value";
    }

    std::string class_of(const PickleValue& object) const {
        auto name = graph_.global_name(object.target);
        return name.empty() ? "(made by a call)" : name;
    }

    /// The value of a key in an object's state, which is a dict or a pair of one and its slots.
    PickleId attribute(const PickleValue& object, std::string_view key) const {
        for (const auto dict : state_dicts(object))
            for (std::size_t i = 0; i + 1 < graph_[dict].pairs.size(); i += 2)
                if (const auto& name = graph_[graph_[dict].pairs[i]];
                    name.kind == PickleKind::text && name.text == key)
                    return graph_[dict].pairs[i + 1];
        return kNoPickleValue;
    }
    std::vector<PickleId> state_dicts(const PickleValue& object) const {
        std::vector<PickleId> dicts;
        if (object.state == kNoPickleValue) return dicts;
        const auto& state = graph_[object.state];
        if (state.kind == PickleKind::dict) dicts.push_back(object.state);
        if (state.kind == PickleKind::tuple && state.items.size() == 2)
            for (const auto item : state.items)
                if (graph_[item].kind == PickleKind::dict) dicts.push_back(item);
        return dicts;
    }
    bool is_module(const PickleValue& object) const {
        return attribute(object, "_parameters") != kNoPickleValue &&
               attribute(object, "_modules") != kNoPickleValue;
    }

    /// Counts the work: whatever is looked at again and again is paid for each time.
    void spend(std::size_t values) {
        visits_ += values;
        if (visits_ > most_visits_)
            fail<StorageError>("{}: more than {} values are reached (a bomb?); save the tensors only", where_,
                               most_visits_);
    }

    void visit(PickleId id, const std::string& path, Tensors tensors, int depth) {
        spend(1);
        if (depth > kDeepest)
            fail<StorageError>("{}: its values are nested deeper than {}; save the state dict only", where_,
                               kDeepest);
        if (path.size() > kLongestPath)
            fail<StorageError>("{}: a name has more than {} bytes; it starts with '{}'", where_, kLongestPath,
                               shown(std::string_view(path).substr(0, 40)));
        if (open_[id]) return;  // a cycle: what it leads to is being walked
        open_[id] = true;
        switch (graph_[id].kind) {
            case PickleKind::dict:
                pairs(graph_[id].pairs, path, tensors, depth);
                break;
            case PickleKind::tuple:
            case PickleKind::list:
            case PickleKind::set:
                places(graph_[id].items, path, tensors, depth);
                break;
            case PickleKind::object:
                object(id, path, tensors, depth);
                break;
            default:
                note(id, path);
        }
        open_[id] = false;
    }

    void object(PickleId id, const std::string& path, Tensors tensors, int depth) {
        const auto& value = graph_[id];
        if (is_tensor(graph_, id)) {
            if (tensors == Tensors::left_out) return;
            if (out_.tensors.size() >= kMostTensors)
                fail<StorageError>("{}: more than {} tensors (a bomb?); save fewer in one file", where_,
                                   kMostTensors);
            out_.tensors.push_back(read_tensor(graph_, id, path, where_));
            return;
        }
        for (const auto dict : state_dicts(value)) spend(graph_[dict].pairs.size());
        if (is_module(value)) return module(value, path, tensors, depth);
        pairs(value.pairs, path, tensors, depth);
        places(value.items, path, tensors, depth);
        // An ordered dict's state is torch's bookkeeping (versions), not the user's.
        if (class_of(value) == "collections.OrderedDict") return;
        for (const auto dict : state_dicts(value)) pairs(graph_[dict].pairs, path, tensors, depth);
        // Named tuples, sets, sizes: what they hold are their arguments, or the one list that is their
        // argument.
        if (!value.pairs.empty() || !value.items.empty() || value.state != kNoPickleValue) return;
        const auto* held = &graph_[value.arguments].items;
        if (held->size() == 1 && !graph_[held->front()].items.empty() &&
            graph_[held->front()].kind != PickleKind::object)
            held = &graph_[held->front()].items;
        places(*held, path, tensors, depth);
    }

    /// As torch.nn.Module.state_dict() lists it; other attributes give notes only.
    void module(const PickleValue& value, const std::string& path, Tensors tensors, int depth) {
        const auto transient = names_in(attribute(value, "_non_persistent_buffers_set"));
        for (const auto dict : state_dicts(value)) {
            const auto& state = graph_[dict].pairs;
            for (std::size_t i = 0; i + 1 < state.size(); i += 2) {
                const auto key = key_text(state[i], i / 2);
                if (key == "_parameters" || key == "_modules" || key == "_buffers")
                    for_each_pair(state[i + 1], [&](const std::string& name, PickleId member) {
                        if (key != "_buffers" || !transient.contains(name))
                            visit(member, joined(path, name), tensors, depth + 1);
                    });
                else if (!key.starts_with('_'))
                    visit(state[i + 1], joined(path, key), Tensors::left_out, depth + 1);
            }
        }
    }

    /// The pairs of a dict or of an object that is one.
    template <class Use>
    void for_each_pair(PickleId id, Use use) {
        const auto& list = graph_[id].pairs;
        for (std::size_t i = 0; i + 1 < list.size(); i += 2) use(key_text(list[i], i / 2), list[i + 1]);
    }

    /// The texts of a set, which protocol 2 writes as a call of set([...]).
    std::set<std::string> names_in(PickleId id) {
        std::set<std::string> names;
        for (int i = 0; i < 3 && id != kNoPickleValue; ++i) {
            const auto& value = graph_[id];
            spend(value.items.size());
            for (const auto item : value.items)
                if (graph_[item].kind == PickleKind::text) names.emplace(graph_[item].text);
            id = value.kind == PickleKind::object ? value.arguments
                 : value.items.empty()            ? kNoPickleValue
                                                  : value.items[0];
        }
        return names;
    }

    void pairs(const std::vector<PickleId>& list, const std::string& path, Tensors tensors, int depth) {
        for (std::size_t i = 0; i + 1 < list.size(); i += 2)
            visit(list[i + 1], joined(path, key_text(list[i], i / 2)), tensors, depth + 1);
    }
    void places(const std::vector<PickleId>& list, const std::string& path, Tensors tensors, int depth) {
        for (std::size_t i = 0; i < list.size(); ++i)
            visit(list[i], joined(path, std::to_string(i)), tensors, depth + 1);
    }

    static std::string joined(const std::string& path, const std::string& key) {
        return path.empty() ? key : path + "." + key;
    }
    std::string key_text(PickleId id, std::size_t place) const {
        const auto& key = graph_[id];
        if (key.kind == PickleKind::text) {
            if (key.text.size() > kLongestPath)
                fail<StorageError>("{}: a name has more than {} bytes; it starts with '{}'", where_,
                                   kLongestPath, shown(key.text.substr(0, 40)));
            return std::string(key.text);
        }
        if (key.kind == PickleKind::integer) return std::to_string(key.integer);
        return fmt::format("#{}", place);  // a tuple, a number with a fraction …: no name
    }

    void note(PickleId id, const std::string& path) {
        const auto text = note_text(id);
        if (!text || !is_utf8(path)) return;
        if (out_.notes.size() >= kMostNotes || text->size() > kLongestNote)
            ++left_out_;
        else
            out_.notes[path] = *text;
    }
    std::optional<std::string> note_text(PickleId id) const {
        const auto& value = graph_[id];
        switch (value.kind) {
            case PickleKind::boolean:
                return value.integer != 0 ? "true" : "false";
            case PickleKind::integer:
                return std::to_string(value.integer);
            case PickleKind::real:
                return std::isfinite(value.real) ? nlohmann::json(value.real).dump()
                                                 : fmt::format("{}", value.real);
            case PickleKind::text:
                if (value.text.size() > kLongestNote) return std::string(kLongestNote + 1, ' ');
                return is_utf8(value.text) ? std::optional(std::string(value.text)) : std::nullopt;
            case PickleKind::global:
                return shown(graph_.global_name(id));
            default:
                return std::nullopt;
        }
    }

    const PickleGraph& graph_;
    std::string_view where_;
    std::size_t most_visits_;
    std::vector<bool> open_;  // on the way from the root to here
    std::size_t visits_ = 0, left_out_ = 0;
    TorchContents out_;
};

}  // namespace

TorchContents walk_torch(const PickleGraph& graph, std::string_view where) {
    return Walker(graph, where).run();
}

}  // namespace vtvc::foreign
