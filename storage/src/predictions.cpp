#include "vtvc/storage/predictions.hpp"

#include <set>

#include "h5_reader.hpp"
#include "h5_writer.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc {

namespace {

constexpr const char* kKind = "predictions";
constexpr std::int64_t kVersion = 1;

/// Calls visit(name, values, shape) for every array of a set: the one list of what a set holds.
template <class Set, class Visit>
void each_array(Set& set, Visit visit) {
    using Shape = h5::Shape;
    visit("ids", set.ids, Shape{set.rows});
    visit("labels", set.labels, Shape{set.rows});
    visit("subdomains", set.subdomains, Shape{set.rows});
    visit("probabilities", set.probabilities, Shape{set.rows, set.classes});
    visit("epistemic", set.epistemic, Shape{set.rows});
    visit("coefficients", set.coefficient_values, Shape{set.rows, set.tasks, set.coefficients});
    visit("inclusion", set.inclusion, Shape{set.rows, set.tasks});
    visit("mean", set.mean, Shape{set.gate_rows, set.tasks, set.coefficients});
    visit("uncertainty", set.uncertainty, Shape{set.gate_rows, set.tasks, set.coefficients});
}

/// Likewise for its whole numbers.
template <class Set, class Visit>
void each_size(Set& set, Visit visit) {
    visit("rows", set.rows);
    visit("classes", set.classes);
    visit("tasks", set.tasks);
    visit("coefficients", set.coefficients);
    visit("gate_rows", set.gate_rows);
}

std::string key_of(const PredictionSet& set) {
    for (const auto& part : {set.dataset, set.mode})
        if (part.empty() || part.find('/') != std::string::npos)
            fail<StorageError>("'{}' cannot name predictions (a name is not empty and holds no slash)", part);
    return set.dataset + "/" + set.mode;
}

std::uint64_t check_set(const PredictionSet& set) {
    std::uint64_t bytes = 4096;
    each_size(set, [&](const char* name, std::int64_t size) {
        if (size < 0) fail<StorageError>("predictions of {}: {} is negative", key_of(set), name);
    });
    if (set.gate_rows > set.rows)
        fail<StorageError>("predictions of {}: gate values of {} rows, it has {}", key_of(set), set.gate_rows,
                           set.rows);
    if (set.rows < 1 || set.ids.empty()) fail<StorageError>("predictions of {} have no rows", key_of(set));
    each_array(set, [&](const char* name, const auto& values, const h5::Shape& shape) {
        const auto needed = h5::elements_of(shape, name);
        if (!values.empty() && static_cast<std::int64_t>(values.size()) != needed)
            fail<StorageError>("predictions of {}: {} values of {}, shape {} needs {}", key_of(set),
                               values.size(), name, h5::shape_text(shape), needed);
        bytes += values.size() * 8;
    });
    return bytes;
}

}  // namespace

void write_predictions(const std::filesystem::path& path, const PredictionsContents& contents) {
    if (const auto fault = fault_text(check_json(contents.meta)); !fault.empty())
        fail<StorageError>("the meta text of predictions {}: {}", fault, contents.meta.substr(0, 200));
    std::uint64_t bytes = contents.meta.size();
    std::vector<std::string> keys;
    std::set<std::string> seen;
    for (const auto& set : contents.sets) {
        bytes += check_set(set);
        keys.push_back(key_of(set));
        if (!seen.insert(keys.back()).second)
            fail<StorageError>("predictions of {} are there twice", keys.back());
    }
    h5::Writer writer(path, kKind, kVersion, bytes);
    writer.text("meta", contents.meta);
    writer.texts("task_names", contents.task_names);
    writer.texts("coefficient_names", contents.coefficient_names);
    writer.texts("set_names", keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto& set = contents.sets[i];
        const auto group = "sets/" + keys[i];
        writer.attribute(group, "dataset", set.dataset);
        writer.attribute(group, "mode", set.mode);
        each_size(set, [&](const char* name, std::int64_t size) { writer.attribute(group, name, size); });
        each_array(set, [&](const char* name, const auto& values, const h5::Shape& shape) {
            if (!values.empty()) writer.array(group + "/" + name, shape, values);
        });
    }
    writer.finish();
}

PredictionsContents read_predictions(const std::filesystem::path& path) {
    const auto reader = h5::Reader::open(path, kKind, kVersion);
    PredictionsContents contents;
    contents.meta = reader.text("meta");
    if (const auto fault = fault_text(check_json(contents.meta)); !fault.empty())
        reader.refuse("its meta text {}", fault);
    contents.task_names = reader.texts("task_names");
    contents.coefficient_names = reader.texts("coefficient_names");
    for (const auto& key : reader.texts("set_names")) {
        const auto group = "sets/" + key;
        PredictionSet set;
        set.dataset = reader.text_attribute(group, "dataset");
        set.mode = reader.text_attribute(group, "mode");
        each_size(set, [&](const char* name, std::int64_t& size) {
            size = reader.integer(group, name);
            if (size < 0) reader.refuse("{} of '{}' is negative", name, group);
        });
        (void)reader.about(group + "/ids");
        each_array(set, [&]<class T>(const char* name, std::vector<T>& values, const h5::Shape& shape) {
            const auto full = group + "/" + name;
            if (reader.has(full)) values = reader.all<T>(full, shape);
        });
        contents.sets.push_back(std::move(set));
    }
    return contents;
}

}  // namespace vtvc
