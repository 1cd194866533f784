#include "vtvc/imports/export.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "forms.hpp"
#include "origin.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/imports/safetensors_writer.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;
using BlockValues = std::function<std::vector<float>(const std::string& block)>;

/// The file to write, and whether a folder was asked for.
struct Place {
    fs::path file;
    bool folder = false;
};
Place place_of(const fs::path& out) {
    if (out.extension() == ".safetensors") return {out, false};
    return {out / "model.safetensors", true};
}

/// Rows of a block as the foreign tensor has them.
std::vector<std::byte> tensor_bytes(const OriginTensor& item, ForeignType type,
                                    const std::vector<float>& block, const std::string& where) {
    const auto size = static_cast<std::size_t>(item.tensor.elements());
    const auto wanted = item.part == Part::whole ? size : 3 * size;
    if (block.size() != wanted)
        fail<StorageError>(
            "{}: block '{}' has {} numbers, '{}' of shape {} came from it; was the file changed?", where,
            item.block, block.size(), item.tensor.name, shape_text(item.tensor.shape));
    const auto first =
        item.part == Part::whole ? 0 : size * static_cast<std::size_t>(rows_of(item.part, 3).first);
    const auto rows = std::span(block).subspan(first, size);
    if (item.orientation == Orientation::as_is) return to_bytes(rows, type, item.tensor.name);
    const auto turned = transposed(rows, static_cast<std::size_t>(item.tensor.shape.at(1)),
                                   static_cast<std::size_t>(item.tensor.shape.at(0)));
    return to_bytes(turned, type, item.tensor.name);
}

ExportReport write_network(const Origin& origin, const BlockValues& values, const ExportOptions& options,
                           const std::string& where) {
    const auto place = place_of(options.out);
    ExportReport report{{place.file}, origin.layout, origin.tensors.size(), 0, {}};
    std::vector<ForeignTensor> tensors;
    std::set<std::string> names;
    for (const auto& item : origin.tensors) {
        tensors.push_back(item.tensor);
        if (options.type) tensors.back().type = *options.type;
        names.insert(item.tensor.name);
    }
    std::optional<ForeignCheckpoint> rest;
    std::vector<std::size_t> copied;
    if (!options.complete_from.empty()) {
        rest = ForeignCheckpoint::open(options.complete_from);
        std::size_t shared = 0;
        for (std::size_t t = 0; t < rest->tensors().size(); ++t) {
            if (names.contains(rest->tensors()[t].name)) {
                ++shared;
                continue;
            }
            copied.push_back(t);
            tensors.push_back(rest->tensors()[t]);
        }
        if (shared != names.size())
            fail<StorageError>(
                "{}: has {} of the {} tensors of the network by name; complete from the checkpoint that "
                "{} came from",
                options.complete_from.string(), shared, names.size(), where);
        report.copied = copied.size();
    }
    SafetensorsWriter writer(place.file, tensors, {{"format", "pt"}});  // "pt": what transformers asks for
    std::string held;
    std::vector<float> block;
    for (std::size_t t = 0; t < origin.tensors.size(); ++t) {
        const auto& item = origin.tensors[t];
        if (item.block != held) block = values(item.block);
        held = item.block;
        writer.write(tensor_bytes(item, tensors[t].type, block, where));
    }
    for (const auto t : copied) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(rest->tensors()[t].elements()) *
                                     size_of(rest->tensors()[t].type));
        rest->read(t, bytes);
        writer.write(bytes);
    }
    writer.finish();
    if (place.folder && !origin.config.empty()) {
        report.files.push_back(options.out / "config.json");
        write_atomically(report.files.back(), Json::parse(origin.config).dump(2) + "\n");
    }
    return report;
}

std::size_t block_index(const Bank& bank, const std::string& name) {
    const auto& blocks = bank.blocks();
    const auto found =
        std::find_if(blocks.begin(), blocks.end(), [&](const Block& block) { return block.name == name; });
    if (found == blocks.end())
        fail<StorageError>("{}: its notes speak of block '{}', which it does not have", bank.path(), name);
    return static_cast<std::size_t>(found - blocks.begin());
}

Origin bank_origin(const Bank& bank, const std::string& task) {
    const auto notes = Json::parse(bank.notes(), nullptr, false);
    if (notes.is_object()) {
        if (!task.empty() && notes.contains("tasks") && notes["tasks"].contains(task) &&
            notes["tasks"][task].contains("origin"))
            return origin_from_json(notes["tasks"][task]["origin"].dump(), bank.path());
        if (notes.contains("base") && notes["base"].is_object())
            return origin_from_json(notes["base"].dump(), bank.path());
    }
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> blocks;
    for (const auto& block : bank.blocks()) blocks.emplace_back(block.name, block.shape);
    return own_origin(blocks);
}

std::vector<float> compose(const Bank& bank, std::size_t block, const Coefficients& z) {
    const auto size = static_cast<std::size_t>(bank.blocks()[block].elements());
    const auto index = static_cast<std::int64_t>(block);
    std::vector<float> values(size), vector(size);
    bank.read_base(index, values);
    std::vector<double> sum(values.begin(), values.end());
    for (std::size_t k = 0; k < z.size(); ++k) {
        if (z[k][block] == 0) continue;
        bank.read_task(index, static_cast<std::int64_t>(k), vector);
        for (std::size_t i = 0; i < size; ++i) sum[i] += static_cast<double>(z[k][block]) * vector[i];
    }
    std::transform(sum.begin(), sum.end(), values.begin(), [](double v) { return static_cast<float>(v); });
    return values;
}

}  // namespace

ExportReport export_model(const fs::path& model, const ExportOptions& options) {
    const auto file = TensorFile::read(model, "model");
    const auto meta = Json::parse(file.meta, nullptr, false);
    if (!meta.is_object()) fail<StorageError>("{}: its meta text is not a JSON object", model.string());
    Origin origin;
    if (meta.contains("origin")) {
        origin = origin_from_json(meta["origin"].dump(), model.string());
    } else {
        std::vector<std::pair<std::string, std::vector<std::int64_t>>> blocks;
        for (const auto& [name, tensor] : file.tensors)
            if (tensor.type == DType::f32) blocks.emplace_back(name, tensor.shape);
        origin = own_origin(blocks);
    }
    const auto values = [&](const std::string& block) {
        const auto found = file.tensors.find(block);
        if (found == file.tensors.end())
            fail<StorageError>("{}: its origin speaks of block '{}', which it does not have", model.string(),
                               block);
        const auto all = found->second.as<float>();
        return std::vector<float>(all.begin(), all.end());
    };
    return write_network(origin, values, options, model.string());
}

ExportReport export_merged(const fs::path& path, const Coefficients& z, const ExportOptions& options) {
    const auto bank = Bank::open(path);
    return write_network(
        bank_origin(bank, ""),
        [&](const std::string& block) { return compose(bank, block_index(bank, block), z); }, options,
        path.string());
}

ExportReport export_task(const fs::path& path, std::int64_t task, const ExportOptions& options) {
    const auto bank = Bank::open(path);
    const auto& name = bank.task_names().at(static_cast<std::size_t>(task));
    Coefficients z(static_cast<std::size_t>(bank.tasks()), std::vector<float>(bank.blocks().size(), 0.0F));
    z[static_cast<std::size_t>(task)].assign(bank.blocks().size(), 1.0F);
    return write_network(
        bank_origin(bank, name),
        [&](const std::string& block) {
            const auto index = block_index(bank, block);
            auto values = compose(bank, index, z);
            bank.restore(static_cast<std::int64_t>(index), task, values);
            return values;
        },
        options, path.string());
}

ExportReport export_method(const fs::path& method, const ExportOptions& options) {
    const auto file = TensorFile::read(method, "method");
    const auto place = place_of(options.out);
    std::vector<ForeignTensor> tensors;
    for (const auto& [name, tensor] : file.tensors) {
        static constexpr ForeignType types[] = {ForeignType::f32, ForeignType::f64, ForeignType::i32,
                                                ForeignType::i64, ForeignType::u8};
        tensors.push_back({name, types[static_cast<std::size_t>(tensor.type)], tensor.shape});
    }
    SafetensorsWriter writer(place.file, tensors, {{"format", "pt"}, {"vtvc", file.meta}});
    for (const auto& [name, tensor] : file.tensors) writer.write(tensor.bytes);
    writer.finish();
    return {{place.file}, "vtvc method", tensors.size(), 0, {}};
}

}  // namespace vtvc
