// vtvc model import, vtvc bank import, vtvc head import: checkpoints of other projects into our files.
#include <CLI/CLI.hpp>
#include <fstream>

#include "import_options.hpp"
#include "verbs.hpp"

namespace vtvc {
namespace {

void import_model_verb(const std::string& checkpoint, const std::string& out,
                       const NetworkArguments& arguments, bool json) {
    const auto report = import_model(checkpoint, out, arguments.options());
    if (json)
        return print_json({{"path", out},
                           {"hash", report.hash},
                           {"model", in_words(report.keys)},
                           {"source", to_json(report.network)}});
    print_text(fmt::format("wrote {}: {}\n{}", out, in_words(report.keys), in_words(report.network)));
}

void add_model_import(CLI::App& app) {
    CLI::App& model = *app.add_subcommand("model", "Make model files");
    model.require_subcommand(1);
    CLI::App& verb = *model.add_subcommand("import", "A checkpoint of another project to a base network");
    struct Arguments {
        std::string checkpoint, out;
        NetworkArguments network;
        bool json = false;
    };
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("checkpoint", arguments->checkpoint,
                    "safetensors or PyTorch file, or a folder that holds one")
        ->required();
    verb.add_option("-o,--out", arguments->out, "Model file to write")->required();
    add_network_options(verb, arguments->network);
    verb.add_option("--tangent", arguments->network.tangent,
                    "Of a linearised checkpoint: base (params0) or tuned (params)");
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] {
        import_model_verb(arguments->checkpoint, arguments->out, arguments->network, arguments->json);
    });
}

struct BankArguments {
    std::string base, out, store = "f32";
    std::vector<std::string> tasks;
    std::int64_t rank = 0;
    NetworkArguments network;
    bool json = false;
};

TaskStorage storage_of(const BankArguments& arguments) {
    TaskStorage storage;
    if (arguments.store == "lowrank") {
        if (arguments.rank < 1) fail<ConfigError>("--store lowrank needs the rank; give --rank R");
        storage = {StorageKind::low_rank, arguments.rank};
    } else if (arguments.rank > 0) {
        fail<ConfigError>("--rank is of --store lowrank only");
    } else if (arguments.store == "bf16") {
        storage.kind = StorageKind::bf16;
    } else if (arguments.store == "int8") {
        storage.kind = StorageKind::int8;
    } else if (arguments.store != "f32") {
        fail<ConfigError>("--store '{}' is none of f32, bf16, int8, lowrank", arguments.store);
    }
    return storage;
}

void import_bank_verb(const BankArguments& arguments) {
    BankImport what;
    what.base = arguments.base;
    what.out = arguments.out;
    what.storage = storage_of(arguments);
    what.options = arguments.network.options();
    for (const auto& task : arguments.tasks) {
        const auto equals = task.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == task.size())
            fail<ConfigError>("--task '{}' is not NAME=PATH, as in --task cars=cars/finetuned.pt", task);
        what.tasks.emplace_back(task.substr(0, equals), task.substr(equals + 1));
    }
    const auto report = import_bank(what);
    for (const auto& task : report.tasks)
        for (const auto& warning : task.warnings)
            fmt::print(stderr, "vtvc: warning: task '{}': {}\n", task.name, warning);
    if (arguments.json) {
        Json tasks = Json::object();
        for (const auto& task : report.tasks)
            tasks[task.name] = {{"norm", task.norm},
                                {"distance", task.distance},
                                {"warnings", task.warnings},
                                {"source", to_json(task.network)}};
        return print_json({{"path", arguments.out},
                           {"hash", content_hash_of(arguments.out)},
                           {"base", report.base_path.string()},
                           {"base_source", report.base ? to_json(report.base->network) : Json()},
                           {"tasks", std::move(tasks)}});
    }
    std::string text;
    if (report.base)
        text += fmt::format("wrote {}: {}\n{}", report.base_path.string(), in_words(report.base->keys),
                            in_words(report.base->network));
    text += fmt::format("wrote {}: {} task vectors over {}\n", arguments.out, report.tasks.size(),
                        report.base_path.string());
    for (const auto& task : report.tasks)
        text += fmt::format("{}: norm {:.4g}, {:.3g} of the base's over the matrices\n{}", task.name,
                            task.norm, task.distance, in_words(task.network));
    print_text(text);
}

void add_bank_import(CLI::App& app) {
    CLI::App& verb = *app.get_subcommand("bank")->add_subcommand(
        "import", "Fine-tuned checkpoints of other projects to one bank");
    auto arguments = std::make_shared<BankArguments>();
    verb.add_option(
            "--base", arguments->base,
            "Model file of the base, or its checkpoint (then imported beside the bank, as NAME.base.h5)")
        ->required();
    verb.add_option("--task", arguments->tasks, "NAME=PATH, a checkpoint or a LoRA folder of PEFT")
        ->required();
    verb.add_option("-o,--out", arguments->out, "Bank file to write")->required();
    verb.add_option("--store", arguments->store, "f32, bf16, int8 or lowrank; adapters stay factors")
        ->capture_default_str();
    verb.add_option("--rank", arguments->rank, "Of --store lowrank");
    add_network_options(verb, arguments->network);
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] { import_bank_verb(*arguments); });
}

struct HeadArguments {
    HeadImport what;
    std::string checkpoint, base, out, classes, kind, features, activation;
    double scale = 0;
    bool json = false;
};

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream in(path);
    if (!in) fail<StorageError>("cannot read {}; is the path right?", path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) lines.push_back(line);
    return lines;
}

void import_head_verb(HeadArguments& arguments) {
    auto& what = arguments.what;
    what.checkpoint = arguments.checkpoint;
    what.base = arguments.base;
    what.out = arguments.out;
    if (!arguments.classes.empty()) what.class_names = lines_of(arguments.classes);
    if (!arguments.kind.empty()) what.kind = value_named<HeadKind>(arguments.kind, "--kind");
    if (!arguments.features.empty())
        what.features = value_named<FeatureForm>(arguments.features, "--features");
    if (!arguments.activation.empty())
        what.activation = value_named<Activation>(arguments.activation, "--activation");
    if (arguments.scale > 0) what.scale = arguments.scale;
    const auto report = import_head(what);
    const auto& head = report.head;
    if (arguments.json) {
        Json skipped = Json::object();
        for (const auto& item : report.skipped) skipped[item.name] = item.reason;
        return print_json({{"path", arguments.out},
                           {"hash", content_hash_of(arguments.out)},
                           {"kind", name_of(head.kind)},
                           {"features", name_of(head.features)},
                           {"classes", head.classes},
                           {"class_names", head.class_names},
                           {"width", head.width},
                           {"hidden", head.hidden},
                           {"scale", head.scale},
                           {"bias", !head.bias.empty()},
                           {"format", report.format},
                           {"tensor", report.weight},
                           {"skipped", std::move(skipped)},
                           {"notes", report.notes}});
    }
    std::string text =
        fmt::format("wrote {}: {} head of {} classes on {} {} features, scale {:.6g}{}\n  from '{}' in {}\n",
                    arguments.out, name_of(head.kind), head.classes, head.width, name_of(head.features),
                    head.scale, head.bias.empty() ? "" : ", with bias", report.weight, report.format);
    for (const auto& note : report.notes) text += "  " + note + '\n';
    print_text(text);
}

void add_head_import(CLI::App& app) {
    CLI::App& head = *app.add_subcommand("head", "Make head files");
    head.require_subcommand(1);
    CLI::App& verb = *head.add_subcommand("import", "A classifier of another project to a head");
    auto arguments = std::make_shared<HeadArguments>();
    verb.add_option("checkpoint", arguments->checkpoint,
                    "head_<Dataset>.pt, class text embeddings as safetensors or npz, a trained network")
        ->required();
    verb.add_option("--base", arguments->base, "Model file of the base whose features it reads")->required();
    verb.add_option("-o,--out", arguments->out, "Head file to write")->required();
    verb.add_option("--classes", arguments->classes, "Text file of class names, a line each");
    verb.add_option("--weight", arguments->what.weight, "Name of the tensor [classes, features]");
    verb.add_option("--kind", arguments->kind, "prototype, linear_probe, text, linear or mlp");
    verb.add_option("--features", arguments->features,
                    "plain or normalised: what the head does to them first");
    verb.add_option("--scale", arguments->scale, "Of the logits, the factor itself")
        ->check(CLI::PositiveNumber);
    verb.add_option("--activation", arguments->activation, "Of an MLP head's hidden layer");
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] { import_head_verb(*arguments); });
}

}  // namespace

void add_imports(CLI::App& app) {
    add_model_import(app);
    add_bank_import(app);
    add_head_import(app);
}

}  // namespace vtvc
