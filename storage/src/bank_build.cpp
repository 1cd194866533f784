// Builds a bank block by block: only one block of every model is in memory at a time.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bank_codec.hpp"
#include "h5_reader.hpp"
#include "vtvc/core/numbers.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/bank_writer.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::json;

/// A model file, opened; its tensors are read one by one.
struct Model {
    h5::Reader reader;
    Json meta;
    std::vector<std::string>
        names;  // of its f32 tensors: whole numbers (counters, indices) have no task vector

    static Model open(const std::filesystem::path& path) {
        Model model{h5::Reader::open(path, "model", TensorFile::version), {}, {}};
        model.meta = Json::parse(model.reader.text("meta"), nullptr, false);
        if (!model.meta.is_object()) model.reader.refuse("its meta text is not a JSON object");
        for (const auto& name : model.reader.names("tensors")) {
            const auto type = model.reader.about("tensors/" + name).type;
            if (type == h5::Type::f32) model.names.push_back(name);
            if (type == h5::Type::f64 || type == h5::Type::text)
                model.reader.refuse("tensor '{}' is {}, a bank holds f32 only", name, h5::type_name(type));
        }
        if (model.names.empty()) model.reader.refuse("holds no f32 tensors");
        return model;
    }

    const h5::Shape& shape(const std::string& name) const { return reader.about("tensors/" + name).shape; }

    std::vector<float> read(const std::string& name) const {
        auto values = reader.all<float>("tensors/" + name, shape(name));
        if (const auto bad = first_not_finite(values))
            reader.refuse(
                "tensor '{}' has {} at element {} (a bank of it would spoil every composition); train it "
                "again",
                name, values[*bad], *bad);
        return values;
    }
};

/// The base's blocks in the order its meta gives ("blocks"), else by name.
std::vector<std::string> block_order(const Model& base) {
    const auto given = base.meta.find("blocks");
    if (given == base.meta.end()) return base.names;
    std::vector<std::string> order;
    if (given->is_array())
        for (const auto& name : *given)
            if (name.is_string()) order.push_back(name.get<std::string>());
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != base.names) base.reader.refuse("the blocks listed in its meta are not its f32 tensors");
    return order;
}

void check_same_architecture(const Model& base, const Model& model) {
    std::vector<std::string> differ;
    std::set_difference(base.names.begin(), base.names.end(), model.names.begin(), model.names.end(),
                        std::back_inserter(differ));
    if (!differ.empty())
        model.reader.refuse("lacks tensor '{}' of shape {} of the base {}", differ[0],
                            h5::shape_text(base.shape(differ[0])), base.reader.path());
    std::set_difference(model.names.begin(), model.names.end(), base.names.begin(), base.names.end(),
                        std::back_inserter(differ));
    if (!differ.empty())
        model.reader.refuse("has tensor '{}' of shape {}, the base {} has none of that name", differ[0],
                            h5::shape_text(model.shape(differ[0])), base.reader.path());
    for (const auto& name : base.names)
        if (model.shape(name) != base.shape(name))
            model.reader.refuse("tensor '{}' has shape {}, in the base {} it has {}", name,
                                h5::shape_text(model.shape(name)), base.reader.path(),
                                h5::shape_text(base.shape(name)));
    const auto architecture = [](const Model& m) { return m.meta.value("model", Json::object()); };
    if (architecture(model) != architecture(base))
        model.reader.refuse("is of architecture {}, the base {} of {}", architecture(model).dump(),
                            base.reader.path(), architecture(base).dump());
}

void check_same_base(const Model& base, const Model& model) {
    const auto recorded = model.meta.find("base_hash");
    if (recorded == model.meta.end() || !recorded->is_string())
        model.reader.refuse("records no base (it is a base network itself, not one fine-tuned from {})",
                            base.reader.path());
    if (*recorded != base.reader.content_hash())
        model.reader.refuse("was fine-tuned from another base (content hash {} recorded, {} has {})",
                            recorded->get<std::string>(), base.reader.path(), base.reader.content_hash());
}

/// A vector of the given norm in a uniformly random direction; of zeros where there is nothing to scale.
void fill_random(std::span<float> out, double norm, Stream stream) {
    double squares = 0;
    for (auto& value : out) {
        value = static_cast<float>(stream.normal());
        squares += static_cast<double>(value) * value;
    }
    const double scale = squares > 0 ? norm / std::sqrt(squares) : 0;
    for (auto& value : out) value = static_cast<float>(value * scale);
}

std::vector<BankPlan::Task> tasks_of(const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                                     const BankOptions& options) {
    if (tasks.empty()) fail<StorageError>("a bank needs one task at least");
    if (options.random_vectors < 0)
        fail<StorageError>("{} random vectors: the count cannot be negative", options.random_vectors);
    std::vector<BankPlan::Task> list;
    list.reserve(tasks.size() + static_cast<std::size_t>(options.random_vectors));
    for (const auto& [name, file] : tasks) list.push_back({name, "", options.storage});
    for (std::int64_t r = 1; r <= options.random_vectors; ++r)
        list.push_back({"random" + std::to_string(r), "", options.storage});
    return list;
}

}  // namespace

void build_bank(const std::filesystem::path& path, const std::filesystem::path& base_path,
                const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                const BankOptions& options) {
    BankPlan plan;
    plan.tasks = tasks_of(tasks, options);
    const auto base = Model::open(base_path);
    const auto blocks = block_order(base);
    std::vector<Model> models;
    for (std::size_t k = 0; k < tasks.size(); ++k) {
        models.push_back(Model::open(tasks[k].second));
        check_same_architecture(base, models.back());
        check_same_base(base, models.back());
        plan.tasks[k].hash = models.back().reader.content_hash();
    }
    for (const auto& name : blocks) plan.blocks.push_back({name, base.shape(name)});
    plan.base_hash = base.reader.content_hash();
    plan.model = base.meta.value("model", Json::object()).dump();

    const auto real = models.size(), count = plan.tasks.size();
    BankWriter writer(path, std::move(plan));
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        const auto block = static_cast<std::int64_t>(j);
        const auto shared = std::make_shared<const std::vector<float>>(base.read(blocks[j]));
        const auto& origin = *shared;
        writer.put_base(block, shared);
        double mean_norm = 0;
        for (std::size_t k = 0; k < real; ++k) {
            auto vector = models[k].read(blocks[j]);
            std::transform(vector.begin(), vector.end(), origin.begin(), vector.begin(), std::minus<>());
            mean_norm += std::sqrt(dot(vector, vector)) / static_cast<double>(real);
            writer.put_task(block, static_cast<std::int64_t>(k),
                            std::make_shared<const std::vector<float>>(std::move(vector)));
        }
        // Streams beyond 2^32 samples: an initial network drawn from the same seed must not resemble them.
        std::vector<float> vector(origin.size());
        for (auto k = real; k < count; ++k) {
            fill_random(vector, mean_norm,
                        Stream(options.seed, Purpose::initialise, (std::uint64_t{1} << 32) + k - real, j));
            writer.put_task(block, static_cast<std::int64_t>(k), vector);
        }
    }
    writer.finish();
}

}  // namespace vtvc
