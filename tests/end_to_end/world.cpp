#include "world.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "vtvc/core/hash.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc::testing {
namespace {

/// Classes are bright bars at different places; view 1 lies on its side, so that two tasks differ.
DatasetContents bars(const std::string& name, int classes, int view, std::int64_t train, std::uint64_t seed) {
    DatasetContents contents;
    contents.name = name;
    contents.height = contents.width = 8;
    for (int c = 0; c < classes; ++c) contents.class_names.push_back(fmt::format("bar{}", c));
    contents.origin = "made by a test";
    std::int64_t id = 0;
    for (auto [rows, count] : {std::pair{&contents.train, train}, std::pair{&contents.validation, train / 4},
                               std::pair{&contents.test, train / 4}}) {
        for (std::int64_t i = 0; i < count; ++i, ++id) {
            Stream random(seed, Purpose::render, static_cast<std::uint64_t>(id));
            const int label = static_cast<int>(i) % classes;
            for (int y = 0; y < 8; ++y) {
                for (int x = 0; x < 8; ++x) {
                    const int at = view == 0 ? x : y;
                    const double level = at == label + 1 || at == label + 2 ? 150 : 40;
                    rows->images.push_back(
                        static_cast<std::uint8_t>(std::clamp(level + 60 * random.normal(), 0.0, 255.0)));
                }
            }
            rows->labels.push_back(label);
            rows->ids.push_back(id);
            rows->groups.push_back(-1);
            rows->subdomains.push_back(-1);
        }
    }
    return contents;
}

}  // namespace

Outcome shell(const std::string& command, int seconds) {
    const std::string bounded = fmt::format("timeout -k 2 {} bash -c '{}' 2>&1", seconds, command);
    FILE* pipe = ::popen(bounded.c_str(), "r");
    Outcome outcome;
    std::array<char, 4096> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
        outcome.text.append(buffer.data(), got);
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

SmallWorld::SmallWorld() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vtvc-world-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write_dataset(file("base.h5"), bars("base", 5, 0, 200, 1));
    write_dataset(file("one.h5"), bars("one", 3, 0, 120, 2));
    write_dataset(file("two.h5"), bars("two", 4, 1, 120, 3));
}

SmallWorld::~SmallWorld() { std::filesystem::remove_all(folder_); }

void SmallWorld::write_job(const std::string& name, const std::string& toml) const {
    std::ofstream(file(name + ".toml")) << toml;
}

std::string SmallWorld::command(const std::string& name, int ranks,
                                const std::vector<std::string>& sets) const {
    std::string text = fmt::format(
        "cd {} && VTVC_STORE={} OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 "
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ",
        folder_.string(), file("store").string());
    if (ranks > 1) {
        text += fmt::format(
            "mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1 -n {} ", ranks);
    }
    text += fmt::format("{}/vtvc-worker {}.toml --set job.out=runs/{}", VTVC_BIN_DIR, name, name);
    for (const std::string& set : sets) text += " --set " + set;
    return text;
}

Outcome SmallWorld::run(const std::string& name, int ranks, const std::vector<std::string>& sets) const {
    return shell(command(name, ranks, sets));
}

void SmallWorld::prepare() {
    const auto must = [&](const std::string& name) {
        const Outcome outcome = run(name);
        if (outcome.code != 0) {
            std::fprintf(stderr, "%s: exit code %d\n%s\n", name.c_str(), outcome.code, outcome.text.c_str());
            std::abort();
        }
    };
    write_job("pretrain", R"([job]
kind = "pretrain"
[input]
data = "base.h5"
[model]
image = 8
patch = 4
width = 16
depth = 1
heads = 2
mlp = 16
output = 12
[train]
steps = 60
batch = 32
warmup = 5
lr = 1e-2
)");
    must("pretrain");
    for (const std::string task : {"one", "two"}) {
        const std::string inputs =
            fmt::format("[input]\nbase = \"runs/pretrain/model.h5\"\ndata = \"{}.h5\"\n", task);
        write_job("head-" + task, "[job]\nkind = \"head\"\n" + inputs);
        must("head-" + task);
        write_job(
            "finetune-" + task,
            fmt::format("[job]\nkind = \"finetune\"\n{}head = \"runs/head-{}/head.h5\"\n[train]\nsteps = 40\n"
                        "batch = 16\nwarmup = 4\nlr = 5e-3\n",
                        inputs, task));
        must("finetune-" + task);
        write_job(
            "features-" + task,
            fmt::format(
                "[job]\nkind = \"features\"\n[input]\nmodel = \"runs/pretrain/model.h5\"\ndata = \"{}.h5\"\n",
                task));
        must("features-" + task);
    }
    write_job("bank", R"([job]
kind = "bank"
[input]
base = "runs/pretrain/model.h5"
[[task]]
name = "one"
model = "runs/finetune-one/model.h5"
[[task]]
name = "two"
model = "runs/finetune-two/model.h5"
)");
    must("bank");
    std::string rows;
    for (const std::string task : {"one", "two"}) {
        rows += fmt::format(
            "[[task]]\nname = \"{0}\"\ndata = \"{0}.h5\"\nfeatures = \"runs/features-{0}/features.h5\"\n"
            "head = \"runs/head-{0}/head.h5\"\n",
            task);
    }
    std::ofstream(file("tasks.toml")) << rows;
    // 240 rows in batches of 50: the fifth batch of an epoch is shorter.
    write_job("posterior", R"(include = ["tasks.toml"]
[job]
kind = "posterior"
[input]
bank = "runs/bank/bank.h5"
[compose]
protocol = "addition_blind"
[posterior]
hidden = [16]
[train]
steps = 40
batch = 50
warmup = 4
)");
    write_job("evaluate", R"(include = ["tasks.toml"]
[job]
kind = "evaluate"
[input]
bank = "runs/bank/bank.h5"
method = "runs/posterior/method.h5"
[evaluate]
modes = ["mean", "hard", "monte_carlo"]
samples = 3
diagnostics = true
)");
    write_job("predict", R"([job]
kind = "predict"
[input]
bank = "runs/bank/bank.h5"
method = "runs/posterior/method.h5"
head = "runs/head-two/head.h5"
images = "two.h5"
[predict]
task = "two"
samples = 3
)");
}

std::vector<std::string> SmallWorld::metrics(const std::string& name) const {
    std::ifstream in(result(name, "metrics.jsonl"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

SmallWorld& world() {
    static SmallWorld* made = [] {
        auto* fresh = new SmallWorld;
        fresh->prepare();
        std::atexit([] { delete &world(); });
        return fresh;
    }();
    return *made;
}

Outcome run_apart(const std::string& job, const std::string& name, int ranks,
                  const std::vector<std::string>& sets) {
    std::filesystem::copy_file(world().file(job + ".toml"), world().file(name + ".toml"),
                               std::filesystem::copy_options::overwrite_existing);
    std::vector<std::string> all{"job.store=store-" + name};
    all.insert(all.end(), sets.begin(), sets.end());
    std::string command = world().command(name, ranks, all);
    const std::string store = "VTVC_STORE=" + world().file("store").string();
    command.replace(command.find(store), store.size(),
                    "VTVC_STORE=" + world().file("store-" + name).string());
    return shell(command);
}

std::string method_digest(const std::filesystem::path& method) {
    Hasher hasher;
    for (const auto& [name, tensor] : TensorFile::read(method, "method").tensors)
        hasher.add(name).add(tensor.bytes);
    return hasher.hex();
}

}  // namespace vtvc::testing
