#include <algorithm>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/imports/export.hpp"
#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::json;

std::size_t task_index(const Bank& bank, const std::string& name, const std::string& where) {
    const auto& names = bank.task_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        fail<StorageError>("{}: the bank {} has no task '{}' (it has {})", where, bank.path(), name,
                           fmt::join(names, ", "));
    return static_cast<std::size_t>(found - names.begin());
}

Coefficients zeros(const Bank& bank) {
    return Coefficients(static_cast<std::size_t>(bank.tasks()),
                        std::vector<float>(bank.blocks().size(), 0.0F));
}

/// values: tasks × count of the partition, spread over the bank's tasks and blocks.
Coefficients spread(const Bank& bank, const std::string& partition, const std::vector<std::string>& tasks,
                    std::span<const float> values, const std::string& where) {
    const auto& names = EnumNames<Partition>::names;
    const auto at = std::find(names.begin(), names.end(), partition);
    if (at == names.end()) fail<StorageError>("{}: unknown partition '{}'", where, partition);
    const auto map = partition_blocks(static_cast<Partition>(at - names.begin()), bank.blocks());
    const auto count = static_cast<std::size_t>(map.count());
    if (values.size() != tasks.size() * count)
        fail<StorageError>(
            "{}: {} coefficients for {} tasks of {} blocks in the partition '{}'; is it of another "
            "bank?",
            where, values.size(), tasks.size(), count, partition);
    auto z = zeros(bank);
    for (std::size_t k = 0; k < tasks.size(); ++k) {
        auto& row = z[task_index(bank, tasks[k], where)];
        for (std::size_t j = 0; j < row.size(); ++j)
            row[j] = values[k * count + static_cast<std::size_t>(map.index[j])];
    }
    return z;
}

}  // namespace

Coefficients constant_coefficients(const Bank& bank, const std::vector<std::pair<std::string, double>>& z) {
    auto all = zeros(bank);
    for (const auto& [name, value] : z) {
        auto& row = all[task_index(bank, name, "--z")];
        std::fill(row.begin(), row.end(), static_cast<float>(value));
    }
    return all;
}

Coefficients method_coefficients(const Bank& bank, const std::filesystem::path& method,
                                 const std::string& dataset) {
    const auto file = TensorFile::read(method, "method");
    const auto where = method.string();
    try {
        const auto meta = Json::parse(file.meta);
        const auto z = file.tensors.find("z");
        if (meta.at("family") != "fixed" || z == file.tensors.end() || z->second.shape.size() != 3)
            fail<StorageError>(
                "{}: holds no matrix of coefficients (method '{}' gives each sample its own, or weights); "
                "run a "
                "predict job and export with --predictions FILE --sample ID",
                where, meta.at("method").get<std::string>());
        if (meta.at("bank_hash") != bank.hash())
            fail<StorageError>("{}: was made with another bank (content hash {}, {} has {})", where,
                               meta.at("bank_hash").get<std::string>(), bank.path(), bank.hash());
        std::size_t which = 0;
        const auto matrices = z->second.shape[0];
        if (matrices < 1) fail<StorageError>("{}: holds no matrix of coefficients", where);
        if (matrices > 1) {
            std::vector<std::string> names;
            for (const auto& set : meta.at("datasets")) names.push_back(set.at("name").get<std::string>());
            const auto found = std::find(names.begin(), names.end(), dataset);
            if (found == names.end())
                fail<ConfigError>("{}: has one matrix for each of {}; say which with --dataset", where,
                                  fmt::join(names, ", "));
            which = static_cast<std::size_t>(found - names.begin());
            if (static_cast<std::int64_t>(names.size()) != matrices)
                fail<StorageError>("{}: has {} matrices of coefficients for {} data sets", where, matrices,
                                   names.size());
        }
        const auto values = z->second.as<float>();
        const auto one = values.size() / static_cast<std::size_t>(matrices);
        return spread(bank, meta.at("partition").get<std::string>(),
                      meta.at("task_names").get<std::vector<std::string>>(), values.subspan(which * one, one),
                      where);
    } catch (const Json::exception& error) {
        fail<StorageError>("{}: what it says of itself cannot be read ({})", where, error.what());
    }
}

Coefficients sample_coefficients(const Bank& bank, const std::filesystem::path& predictions,
                                 const std::string& set, std::int64_t id) {
    const auto contents = read_predictions(predictions);
    const auto where = predictions.string();
    const auto meta = Json::parse(contents.meta, nullptr, false);
    std::vector<std::string> known;
    for (const auto& item : contents.sets) {
        known.push_back(item.dataset + "/" + item.mode);
        if (!set.empty() && known.back() != set) continue;
        const auto row = std::find(item.ids.begin(), item.ids.end(), id);
        if (row == item.ids.end()) {
            if (set.empty()) continue;
            fail<StorageError>("{}: set '{}' has no sample {}", where, set, id);
        }
        if (item.coefficient_values.empty())
            fail<StorageError>("{}: set '{}' keeps no coefficients", where, known.back());
        const auto one = static_cast<std::size_t>(item.tasks * item.coefficients);
        const auto at = static_cast<std::size_t>(row - item.ids.begin()) * one;
        const auto partition = meta.is_object() ? meta.value("partition", Json()) : Json();
        return spread(bank, partition.is_string() ? partition.get<std::string>() : "", contents.task_names,
                      std::span(item.coefficient_values).subspan(at, one), where);
    }
    fail<StorageError>("{}: no set '{}' with sample {} (it has {})", where, set, id, fmt::join(known, ", "));
}

}  // namespace vtvc
