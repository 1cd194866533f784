// Builds a bank block by block: only one block of every model is in memory at a time.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "bank_layout.hpp"
#include "h5_reader.hpp"
#include "h5_writer.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/bank.hpp"

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
        const auto bad =
            std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
        if (bad != values.end())
            reader.refuse(
                "tensor '{}' has {} at element {} (a bank of it would spoil every composition); train it "
                "again",
                name, *bad, bad - values.begin());
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

double dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
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

std::vector<std::string> names_of(const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                                  std::int64_t random_vectors) {
    if (tasks.empty()) fail<StorageError>("a bank needs one task at least");
    if (random_vectors < 0)
        fail<StorageError>("{} random vectors: the count cannot be negative", random_vectors);
    std::vector<std::string> names;
    names.reserve(tasks.size() + static_cast<std::size_t>(random_vectors));
    for (const auto& [name, file] : tasks) names.push_back(name);
    for (std::int64_t r = 1; r <= random_vectors; ++r) names.push_back("random" + std::to_string(r));
    std::set<std::string> seen;
    for (const auto& name : names) {
        if (name.empty()) fail<StorageError>("a task of a bank needs a name");
        if (!seen.insert(name).second) fail<StorageError>("task '{}' is named twice in the bank", name);
    }
    return names;
}

}  // namespace

void build_bank(const std::filesystem::path& path, const std::filesystem::path& base_path,
                const std::vector<std::pair<std::string, std::filesystem::path>>& tasks,
                std::int64_t random_vectors, std::uint64_t seed) {
    const auto names = names_of(tasks, random_vectors);
    const auto base = Model::open(base_path);
    const auto blocks = block_order(base);
    std::vector<Model> models;
    std::vector<std::string> hashes;
    for (const auto& [name, file] : tasks) {
        models.push_back(Model::open(file));
        check_same_architecture(base, models.back());
        check_same_base(base, models.back());
        hashes.push_back(models.back().reader.content_hash());
    }
    hashes.resize(names.size());  // random vectors come from no file

    const auto count = names.size(), real = models.size();
    std::uint64_t bytes = 0;
    for (const auto& block : blocks)
        bytes +=
            4 * (count + 1) * static_cast<std::uint64_t>(h5::elements_of(base.shape(block), block)) + 4096;
    h5::Writer writer(path, kBankKind, kBankVersion, bytes);
    writer.attribute("/", "base_hash", base.reader.content_hash());
    writer.text("model", base.meta.value("model", Json::object()).dump());
    writer.texts("task_names", names);
    writer.texts("task_hashes", hashes);
    writer.texts("blocks", blocks);

    std::vector<double> products(count * count, 0.0);  // ⟨τ_k, τ_l⟩ over all blocks
    double base_square = 0;
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        const auto origin = base.read(blocks[j]);
        const auto size = origin.size();
        std::vector<float> stack(count * size);
        const auto vector = [&](std::size_t k) { return std::span(stack).subspan(k * size, size); };
        double mean_norm = 0;
        for (std::size_t k = 0; k < real; ++k) {
            const auto tuned = models[k].read(blocks[j]);
            std::transform(tuned.begin(), tuned.end(), origin.begin(), vector(k).begin(), std::minus<>());
            mean_norm += std::sqrt(dot(vector(k), vector(k))) / static_cast<double>(real);
        }
        // Streams beyond 2^32 samples: an initial network drawn from the same seed must not resemble them.
        for (auto k = real; k < count; ++k)
            fill_random(vector(k), mean_norm,
                        Stream(seed, Purpose::initialise, (std::uint64_t{1} << 32) + k - real, j));
        for (std::size_t k = 0; k < count; ++k)
            for (std::size_t l = 0; l <= k; ++l) products[k * count + l] += dot(vector(k), vector(l));
        base_square += dot(origin, origin);

        h5::Shape stacked{static_cast<std::int64_t>(count)};
        stacked.insert(stacked.end(), base.shape(blocks[j]).begin(), base.shape(blocks[j]).end());
        writer.array(base_place(blocks[j]), base.shape(blocks[j]), origin);
        writer.array(tasks_place(blocks[j]), stacked, stack, 1);
    }

    std::vector<double> norms(count), cosines(count * count);
    for (std::size_t k = 0; k < count; ++k) norms[k] = std::sqrt(products[k * count + k]);
    for (std::size_t k = 0; k < count; ++k)
        for (std::size_t l = 0; l <= k; ++l) {
            const double scale = norms[k] * norms[l];
            const double cosine = k == l ? 1 : scale > 0 ? products[k * count + l] / scale : 0;
            cosines[k * count + l] = cosines[l * count + k] = cosine;
        }
    const auto tasks_in_file = static_cast<std::int64_t>(count);
    writer.attribute("/", "norms", h5::Reals{{tasks_in_file}, std::move(norms)});
    writer.attribute("/", "cosines", h5::Reals{{tasks_in_file, tasks_in_file}, std::move(cosines)});
    writer.attribute("/", "base_norm", h5::Reals{{}, {std::sqrt(base_square)}});
    writer.finish();
}

}  // namespace vtvc
