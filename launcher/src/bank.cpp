// vtvc bank: base and fine-tuned models to one file of task vectors.
#include "vtvc/storage/bank.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

struct Arguments {
    std::string base, out;
    std::vector<std::string> tasks;
    std::int64_t random_vectors = 0;
    std::uint64_t seed = 0;
    TaskStorage storage;
    bool json = false;
};

std::pair<std::string, std::filesystem::path> split_task(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
        fail<ConfigError>("--task '{}' is not NAME=MODEL, as in --task greek=greek.h5", text);
    return {text.substr(0, equals), text.substr(equals + 1)};
}

void check(const TaskStorage& storage) {
    const bool low_rank = storage.kind == StorageKind::low_rank;
    if (low_rank && storage.rank < 1)
        fail<ConfigError>("--store lowrank needs --rank, the rank to keep (1 or more)");
    if (!low_rank && storage.rank != 0)
        fail<ConfigError>("--rank {} is of --store lowrank only; --store {} has none", storage.rank,
                          name_of(storage.kind));
}

void build(const Arguments& arguments) {
    check(arguments.storage);
    std::vector<std::pair<std::string, std::filesystem::path>> tasks;
    for (const std::string& task : arguments.tasks) tasks.push_back(split_task(task));
    build_bank(arguments.out, arguments.base, tasks,
               {arguments.random_vectors, arguments.seed, arguments.storage});

    const Bank bank = Bank::open(arguments.out);
    if (arguments.json)
        return print_json({{"path", arguments.out},
                           {"hash", bank.hash()},
                           {"tasks", bank.task_names()},
                           {"blocks", bank.blocks().size()}});
    std::string norms;
    for (std::int64_t k = 0; k < bank.tasks(); ++k)
        norms += fmt::format("{} {} {:.3f}", k == 0 ? "" : ",",
                             bank.task_names()[static_cast<std::size_t>(k)], bank.norm(k) / bank.base_norm());
    print_text(fmt::format("wrote {}: {} task vectors, {} blocks; norms over the base's:{}\n", arguments.out,
                           bank.tasks(), bank.blocks().size(), norms));
}

}  // namespace

void add_bank(CLI::App& app) {
    CLI::App& bank = *app.add_subcommand("bank", "Make banks of task vectors");
    bank.require_subcommand(1);
    CLI::App& verb = *bank.add_subcommand("build", "Base and fine-tuned models to one bank");
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("--base", arguments->base, "Model file of the base")->required();
    verb.add_option("--task", arguments->tasks, "NAME=MODEL, a task's name and its fine-tuned model")
        ->required();
    verb.add_option("--random-vectors", arguments->random_vectors, "Nuisance vectors of equal norm to append")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    verb.add_option("--seed", arguments->seed, "Of the random vectors")->capture_default_str();
    const std::map<std::string, StorageKind> kinds{{"f32", StorageKind::f32},
                                                   {"bf16", StorageKind::bf16},
                                                   {"int8", StorageKind::int8},
                                                   {"lowrank", StorageKind::low_rank}};
    verb.add_option("--store", arguments->storage.kind, "How task vectors are kept (default f32)")
        ->transform(CLI::CheckedTransformer(kinds))
        ->type_name("f32|bf16|int8|lowrank")
        ->option_text("f32|bf16|int8|lowrank");
    verb.add_option("--rank", arguments->storage.rank, "Of --store lowrank");
    verb.add_option("-o,--out", arguments->out, "Bank file to write")->required();
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] { build(*arguments); });
}

}  // namespace vtvc
