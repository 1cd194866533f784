// vtvc inspect: one screen on any of our HDF5 files.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>

#include "inspect_foreign.hpp"
#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/imports/import.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

/// A document: its fields in order become the lines of the screen.
Json describe_dataset(const std::string& path) {
    const Dataset dataset = Dataset::open(path);
    Json about{{"name", dataset.name()},
               {"image", {dataset.height(), dataset.width(), dataset.channels()}},
               {"rows",
                {{"train", dataset.rows(Split::train)},
                 {"validation", dataset.rows(Split::validation)},
                 {"test", dataset.rows(Split::test)}}},
               {"classes", dataset.class_names()}};
    if (!dataset.group_names().empty()) about["groups"] = dataset.group_names();
    if (!dataset.subdomain_names().empty()) about["subdomains"] = dataset.subdomain_names();
    return about;
}

/// "int8", or how many blocks are stored how: "lowrank 48, f32 104".
std::string storage_of(const Bank& bank, std::int64_t task) {
    std::map<StorageKind, std::int64_t> blocks;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j)
        ++blocks[bank.storage(static_cast<std::int64_t>(j), task)];
    if (blocks.size() == 1) return std::string(name_of(blocks.begin()->first));
    std::string text;
    for (const auto& [kind, count] : blocks)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name_of(kind), count);
    return text;
}

Json describe_bank(const std::string& path) {
    const Bank bank = Bank::open(path);
    std::int64_t parameters = 0;
    for (const Block& block : bank.blocks()) parameters += block.elements();
    Json tasks = Json::object();
    for (std::int64_t a = 0; a < bank.tasks(); ++a) {
        Json cosines = Json::object();
        for (std::int64_t b = 0; b < a; ++b)
            cosines[bank.task_names()[static_cast<std::size_t>(b)]] = bank.cosine(a, b);
        const RoundingError& rounding = bank.rounding(a);
        Json& task = tasks[bank.task_names()[static_cast<std::size_t>(a)]];
        task = {{"norm", bank.norm(a)},
                {"norm_over_base", bank.norm(a) / bank.base_norm()},
                {"storage", storage_of(bank, a)},
                {"bytes", bank.stored_bytes(a)},
                {"error", rounding.overall}};
        if (!rounding.worst_block.empty())
            task["worst_error"] = {{"block", rounding.worst_block}, {"error", rounding.worst}};
        task["cosines"] = cosines;
    }
    Json about{{"base_hash", bank.base_hash()},  {"model", Json::parse(bank.model_meta())},
               {"blocks", bank.blocks().size()}, {"parameters", parameters},
               {"base_norm", bank.base_norm()},  {"tasks", tasks}};
    if (Json notes = Json::parse(bank.notes()); !notes.empty()) about["notes"] = std::move(notes);
    return about;
}

Json describe_features(const std::string& path) {
    const Features features = Features::open(path, "", "");
    Json rows = Json::object();
    for (const Split split : {Split::train, Split::validation, Split::test})
        rows[split_name(split)] = features.read(split).rows;
    return {{"dataset_hash", features.dataset_hash()},
            {"model_hash", features.model_hash()},
            {"width", features.width()},
            {"rows", rows}};
}

Json describe_predictions(const std::string& path) {
    const PredictionsContents contents = read_predictions(path);
    Json sets = Json::object();
    for (const PredictionSet& set : contents.sets)
        sets[set.dataset + " " + set.mode] = {{"rows", set.rows},
                                              {"classes", set.classes},
                                              {"tasks", set.tasks},
                                              {"coefficients", set.coefficients}};
    return {{"tasks", contents.task_names}, {"sets", sets}, {"meta", Json::parse(contents.meta)}};
}

Json describe_tensors(const std::string& path, const std::string& kind) {
    const TensorFile file = TensorFile::read(path, kind);
    Json tensors = Json::object();
    std::int64_t elements = 0;
    for (const auto& [name, tensor] : file.tensors) {
        elements += tensor.elements();
        tensors[name] = fmt::format(
            "{} [{}]", std::array{"f32", "f64", "i32", "i64", "u8"}.at(static_cast<std::size_t>(tensor.type)),
            fmt::join(tensor.shape, ", "));
    }
    return {{"elements", elements}, {"tensors", tensors}, {"meta", Json::parse(file.meta)}};
}

Json describe(const std::string& path) {
    if (std::filesystem::is_directory(path) || !starts_like_hdf5(path)) return describe_foreign(path);
    const std::string kind = kind_of(path);
    Json about{{"path", path},
               {"kind", kind},
               {"hash", content_hash_of(path)},
               {"bytes", std::filesystem::file_size(path)}};
    about.update(kind == "dataset"       ? describe_dataset(path)
                 : kind == "bank"        ? describe_bank(path)
                 : kind == "features"    ? describe_features(path)
                 : kind == "predictions" ? describe_predictions(path)
                                         : describe_tensors(path, kind));
    return about;
}

/// Long lists and texts are cut to stay on one screen; --json has them whole.
constexpr std::size_t shown = 24, line_width = 110, longest_text = 60, longest_list = 12;

std::string in_words(const Json& value);

/// The ends of a list say what is in it.
std::string list_in_words(const Json& list) {
    const bool nested =
        std::any_of(list.begin(), list.end(), [](const Json& item) { return item.is_object(); });
    if (list.size() <= longest_list && !nested) {
        std::string text;
        for (const auto& item : list) text += (text.empty() ? "" : ", ") + in_words(item);
        return text;
    }
    if (nested) return fmt::format("{} entries", list.size());
    return fmt::format("{}: {}, … {}", list.size(), in_words(list.front()), in_words(list.back()));
}

std::string in_words(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
    if (value.is_array()) return list_in_words(value);
    if (!value.is_object()) return value.dump();
    std::string text;
    for (const auto& [key, item] : value.items()) {
        text += fmt::format("{}{} ", text.empty() ? "" : "  ", key);
        if (const auto words = in_words(item); item.is_string() && words.size() > longest_text)
            text += fmt::format("({} characters)", words.size());
        else
            text += item.is_object() ? '{' + words + '}' : words;
    }
    return text;
}

std::string screen(const Json& about) {
    std::string text;
    for (const auto& [key, value] : about.items()) {
        const std::string label = fmt::format("{:<14}", key);
        const bool long_table = value.is_object() && in_words(value).size() > line_width;
        if (key == "bytes") {
            text += fmt::format("{:<14}{}\n", "size", size_text(value.get<std::uintmax_t>()));
        } else if (long_table) {
            text += label + fmt::format("{} entries\n", value.size());
            std::size_t lines = 0;
            for (const auto& [name, item] : value.items()) {
                if (++lines > shown) {
                    text += fmt::format("  … {} more (--json)\n", value.size() - shown);
                    break;
                }
                text += fmt::format("  {:<28} {}\n", name, in_words(item));
            }
        } else {
            text += label + in_words(value) + '\n';
        }
    }
    return text;
}

}  // namespace

void add_inspect(CLI::App& app) {
    struct Arguments {
        std::string file;
        bool json = false;
    };
    CLI::App& verb = *app.add_subcommand(
        "inspect", "One screen on any file of ours, or on a checkpoint of another project");
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("file", arguments->file,
                    "Any HDF5 file that vtvc wrote, or a checkpoint (file or folder)")
        ->required();
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] {
        const Json about = describe(arguments->file);
        if (arguments->json) return print_json(about);
        print_text(screen(about));
    });
}

}  // namespace vtvc
