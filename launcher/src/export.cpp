// vtvc export: our files back to safetensors, in the layout that the weights came from.
#include "vtvc/imports/export.hpp"

#include <CLI/CLI.hpp>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

struct Arguments {
    std::string file, out, type, complete_from, method, dataset, predictions, set, task;
    std::vector<std::string> z;
    std::int64_t sample = 0;
    bool json = false;
};

ExportOptions options_of(const Arguments& arguments) {
    ExportOptions options{arguments.out, {}, arguments.complete_from};
    if (arguments.type.empty()) return options;
    for (const auto type : {ForeignType::f32, ForeignType::f16, ForeignType::bf16, ForeignType::f64})
        if (name_of(type) == arguments.type) options.type = type;
    if (!options.type) fail<ConfigError>("--type '{}' is none of f32, f16, bf16, f64", arguments.type);
    return options;
}

void say(const std::vector<ExportReport>& reports, bool json) {
    if (json) {
        Json list = Json::array();
        for (const auto& report : reports) {
            Json files = Json::array();
            for (const auto& file : report.files) files.push_back(file.string());
            list.push_back({{"files", std::move(files)},
                            {"layout", report.layout},
                            {"tensors", report.tensors},
                            {"copied", report.copied}});
        }
        return print_json({{"exports", std::move(list)}});
    }
    std::string text;
    for (const auto& report : reports)
        text += fmt::format("wrote {}: {} tensors in the layout '{}'{}\n", report.files.front().string(),
                            report.tensors, report.layout,
                            report.copied > 0 ? fmt::format(", {} copied beside them", report.copied) : "");
    print_text(text);
}

/// NAME=NUMBER; "all" stands for every task that is not named itself.
std::vector<std::pair<std::string, double>> coefficients_of(const std::vector<std::string>& texts,
                                                            const Bank& bank) {
    std::vector<std::pair<std::string, double>> named, all;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        std::size_t used = 0;
        double value = 0;
        try {
            if (equals != std::string::npos) value = std::stod(text.substr(equals + 1), &used);
        } catch (const std::exception&) {
            used = 0;
        }
        if (equals == 0 || used == 0 || used + equals + 1 != text.size())
            fail<ConfigError>("--z '{}' is not NAME=NUMBER, as in --z cars=0.3 or --z all=0.3", text);
        if (text.substr(0, equals) == "all")
            for (const auto& task : bank.task_names()) all.emplace_back(task, value);
        else
            named.emplace_back(text.substr(0, equals), value);
    }
    all.insert(all.end(), named.begin(), named.end());
    return all;
}

void export_merged_verb(const Arguments& arguments) {
    const auto bank = Bank::open(arguments.file);
    const int given = (arguments.z.empty() ? 0 : 1) + (arguments.method.empty() ? 0 : 1) +
                      (arguments.predictions.empty() ? 0 : 1);
    if (given != 1)
        fail<ConfigError>(
            "a merged model needs coefficients from one place; give --z, --method or --predictions");
    const auto z = !arguments.z.empty() ? constant_coefficients(bank, coefficients_of(arguments.z, bank))
                   : !arguments.method.empty()
                       ? method_coefficients(bank, arguments.method, arguments.dataset)
                       : sample_coefficients(bank, arguments.predictions, arguments.set, arguments.sample);
    say({export_merged(arguments.file, z, options_of(arguments))}, arguments.json);
}

void export_tasks_verb(const Arguments& arguments) {
    const auto bank = Bank::open(arguments.file);
    std::vector<ExportReport> reports;
    for (std::int64_t k = 0; k < bank.tasks(); ++k) {
        const auto& name = bank.task_names()[static_cast<std::size_t>(k)];
        if (!arguments.task.empty() && name != arguments.task) continue;
        auto options = options_of(arguments);
        // A name is checked by the bank's writer: it holds no slash and is not "..".
        options.out = std::filesystem::path(arguments.out) / (name + ".safetensors");
        reports.push_back(export_task(arguments.file, k, options));
    }
    if (reports.empty())
        fail<ConfigError>("the bank {} has no task '{}' (it has {})", arguments.file, arguments.task,
                          fmt::join(bank.task_names(), ", "));
    say(reports, arguments.json);
}

std::shared_ptr<Arguments> add_common(CLI::App& verb, const char* file, const char* out) {
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("file", arguments->file, file)->required();
    verb.add_option("-o,--out", arguments->out, out)->required();
    add_json_flag(verb, arguments->json);
    return arguments;
}
void add_weights_options(CLI::App& verb, Arguments& arguments) {
    verb.add_option("--type", arguments.type, "f32, f16, bf16 or f64; as they came if not given");
    verb.add_option("--complete-from", arguments.complete_from,
                    "Checkpoint whose other tensors (a text tower, say) are copied");
}
constexpr const char* out_help = "FILE.safetensors, or a folder for model.safetensors and config.json";

}  // namespace

void add_export(CLI::App& app) {
    CLI::App& group = *app.add_subcommand("export", "Our files to safetensors, in the layout they came from");
    group.require_subcommand(1);
    {
        CLI::App& verb = *group.add_subcommand("model", "A model file");
        const auto arguments = add_common(verb, "Model file", out_help);
        add_weights_options(verb, *arguments);
        verb.callback(
            [arguments] { say({export_model(arguments->file, options_of(*arguments))}, arguments->json); });
    }
    {
        CLI::App& verb =
            *group.add_subcommand("merged", "Base and task vectors with one set of coefficients");
        const auto arguments = add_common(verb, "Bank file", out_help);
        add_weights_options(verb, *arguments);
        verb.add_option("--z", arguments->z, "TASK=NUMBER for all blocks, or all=NUMBER");
        verb.add_option("--method", arguments->method, "Method file that holds one matrix");
        verb.add_option("--dataset", arguments->dataset, "Whose matrix, where the method has one each");
        verb.add_option("--predictions", arguments->predictions,
                        "Predictions file: coefficients of one sample");
        verb.add_option("--sample", arguments->sample, "The sample's id");
        verb.add_option("--set", arguments->set,
                        "DATASET/MODE in the predictions; the first with the sample");
        verb.callback([arguments] { export_merged_verb(*arguments); });
    }
    {
        CLI::App& verb = *group.add_subcommand("tasks", "A bank back to one checkpoint a task");
        const auto arguments = add_common(verb, "Bank file", "Folder for TASK.safetensors");
        add_weights_options(verb, *arguments);
        verb.add_option("--task", arguments->task, "Only this one");
        verb.callback([arguments] { export_tasks_verb(*arguments); });
    }
    {
        CLI::App& verb = *group.add_subcommand("posterior", "A method file's tensors with its configuration");
        const auto arguments = add_common(verb, "Method file", "FILE.safetensors, or a folder");
        verb.callback(
            [arguments] { say({export_method(arguments->file, options_of(*arguments))}, arguments->json); });
    }
}

}  // namespace vtvc
