// vtvc bench storage: a bank of a gigabyte read, verified and made, each against plain system calls that move
// the same bytes with the same threads, measured in turns in one run. A ratio of 1 costs nothing over them.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <thread>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRows = 4096, kColumns = 1024;  // of a block: 16 MiB
constexpr std::int64_t kTasks = 3;
constexpr std::size_t kBlockBytes = std::size_t{4} * kRows * kColumns;

struct StorageBench {
    std::string folder = ".";
    double gigabytes = 1;
    int threads = 2, rounds = 5;
    bool json = false;
};

/// A folder inside the given one, gone at the end.
struct Workspace {
    explicit Workspace(const std::string& in) {
        std::string name = (fs::path(in) / "vtvc-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            fail<StorageError>("cannot make a folder in {} (the bench needs room there); is it writable?",
                               in);
        path = name;
    }
    ~Workspace() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    fs::path path;
};

/// A descriptor whose calls are checked.
class Plain {
  public:
    Plain(const fs::path& path, int flags)
        : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
        if (descriptor_ < 0) fail<StorageError>("cannot open {}", path.string());
    }
    ~Plain() { ::close(descriptor_); }
    Plain(const Plain&) = delete;
    Plain& operator=(const Plain&) = delete;
    std::size_t read(std::uint64_t at, std::span<std::byte> out) const {
        const auto got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(at));
        if (got < 0) fail<StorageError>("cannot read {}", path_.string());
        return static_cast<std::size_t>(got);
    }
    void write(std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto put = ::write(descriptor_, bytes.data(), bytes.size());
            if (put <= 0) fail<StorageError>("cannot write {}", path_.string());
            bytes = bytes.subspan(static_cast<std::size_t>(put));
        }
    }
    void sync() const {
        if (::fsync(descriptor_) != 0) fail<StorageError>("cannot sync {}", path_.string());
    }
    /// Its pages leave the system's cache.
    void forget() const { (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED); }

  private:
    fs::path path_;
    int descriptor_;
};

void forget(const fs::path& path) {
    const Plain file(path, O_RDONLY);
    file.sync();
    file.forget();
}

/// work(i) for every i below count, by so many threads, each with a buffer of a block's size.
void in_threads(int threads, std::size_t count,
                const std::function<void(std::size_t, std::span<float>)>& work) {
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
        std::vector<float> buffer(kBlockBytes / sizeof(float));
        for (auto at = next++; at < count; at = next++) work(at, buffer);
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run);
    run();
}

void plain_read(const fs::path& path, int threads) {
    const Plain file(path, O_RDONLY);
    const auto bytes = fs::file_size(path);
    in_threads(threads, (bytes + kBlockBytes - 1) / kBlockBytes,
               [&](std::size_t at, std::span<float> buffer) {
                   auto left = std::as_writable_bytes(buffer);
                   for (std::uint64_t from = at * kBlockBytes; !left.empty();) {
                       const auto got = file.read(from, left);
                       if (got == 0) return;
                       left = left.subspan(got);
                       from += got;
                   }
               });
}

void load(const fs::path& path, int threads) {
    const Bank bank = Bank::open(path);
    const auto vectors = static_cast<std::size_t>(bank.tasks() + 1);
    in_threads(threads, bank.blocks().size() * vectors, [&](std::size_t at, std::span<float> buffer) {
        const auto block = static_cast<std::int64_t>(at / vectors),
                   task = static_cast<std::int64_t>(at % vectors) - 1;
        if (task < 0)
            bank.read_base(block, buffer);
        else
            bank.read_task(block, task, buffer);
    });
}

/// Reads every source and writes as many bytes, to the disk.
void plain_copy(const std::vector<fs::path>& sources, const fs::path& to) {
    std::vector<std::byte> buffer(1 << 20);
    {
        const Plain out(to, O_WRONLY | O_CREAT | O_TRUNC);
        for (const auto& source : sources) {
            const Plain in(source, O_RDONLY);
            std::uint64_t at = 0;
            for (auto got = in.read(at, buffer); got > 0; got = in.read(at, buffer)) {
                out.write(std::span(buffer).first(got));
                at += got;
            }
        }
        out.sync();
    }
    fs::remove(to);
}

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// The base and what was fine-tuned from it, as model files.
std::vector<fs::path> make_models(const fs::path& folder, std::int64_t blocks) {
    std::vector<fs::path> paths;
    std::string base_hash;
    std::minstd_rand noise(1);
    for (std::int64_t m = 0; m <= kTasks; ++m) {
        TensorFile model;
        model.kind = "model";
        model.meta = Json{{"model", Json::object()}, {"base_hash", base_hash}}.dump();
        for (std::int64_t j = 0; j < blocks; ++j) {
            std::vector<float> values(kBlockBytes / sizeof(float));
            for (auto& value : values) value = static_cast<float>(noise() & 0xFFFF) * 1e-4F;
            model.tensors["block" + std::to_string(j)] = HostTensor::of<float>({kRows, kColumns}, values);
        }
        paths.push_back(folder / ("model" + std::to_string(m) + ".h5"));
        model.write(paths.back());
        if (m == 0) base_hash = model.content_hash();
    }
    return paths;
}

Json measure(const StorageBench& bench) {
    const Workspace workspace(bench.folder);
    const auto blocks = static_cast<std::int64_t>(
        std::max(1.0, std::ceil(bench.gigabytes * 1e9 / static_cast<double>(kBlockBytes * (kTasks + 1)))));
    const auto models = make_models(workspace.path, blocks);
    std::vector<std::pair<std::string, fs::path>> tasks;
    for (std::size_t m = 1; m < models.size(); ++m) tasks.emplace_back("task" + std::to_string(m), models[m]);
    const auto bank = workspace.path / "bank.h5";

    std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> times;  // ours, plain
    const auto turn = [&](const char* name, bool cold, const std::vector<fs::path>& files,
                          const std::function<void()>& ours, const std::function<void()>& plain) {
        for (const bool our_turn : {true, false}) {
            if (cold) std::for_each(files.begin(), files.end(), forget);
            auto& [mine, theirs] = times[name];
            (our_turn ? mine : theirs).push_back(seconds_of(our_turn ? ours : plain));
        }
    };
    for (int round = 0; round < bench.rounds; ++round) {
        turn(
            "import", true, models, [&] { build_bank(bank, models[0], tasks); },
            [&] { plain_copy(models, workspace.path / "copy"); });
        const auto read = [&] { plain_read(bank, bench.threads); };
        const auto verify = [&] {
            if (!verify_file(bank, bench.threads).whole()) fail<StorageError>("{} is damaged", bank.string());
        };
        turn(
            "load", true, {bank}, [&] { load(bank, bench.threads); }, read);
        turn("verify", true, {bank}, verify, read);
        read();
        turn(
            "load_warm", false, {bank}, [&] { load(bank, bench.threads); }, read);
        turn("verify_warm", false, {bank}, verify, read);
    }
    Json result;
    for (const char* name : {"load", "verify", "load_warm", "verify_warm", "import"}) {
        const auto& [ours, plain] = times.at(name);
        result[name] = median(plain) / median(ours);
    }
    for (const auto& [name, both] : times) {
        result[name + "_seconds"] = median(both.first);
        result[name + "_plain_seconds"] = median(both.second);
    }
    result["bytes"] = fs::file_size(bank);
    result["threads"] = bench.threads;
    result["rounds"] = bench.rounds;
    return result;
}

}  // namespace

void add_bench_storage(CLI::App& app) {
    CLI::App* parent = nullptr;
    for (CLI::App* verb : app.get_subcommands([](const CLI::App* verb) { return verb->check_name("bench"); }))
        parent = verb;
    if (parent == nullptr) {
        parent = app.add_subcommand("bench", "Measure what an operation costs on this machine");
        parent->require_subcommand(1);
    }
    CLI::App& bench = *parent;
    CLI::App& verb =
        *bench.add_subcommand("storage", "A bank read, verified and made, against plain system calls");
    auto arguments = std::make_shared<StorageBench>();
    verb.add_option("--folder", arguments->folder,
                    "Where to work; three times the bank's size is needed there")
        ->check(CLI::ExistingDirectory)
        ->capture_default_str();
    verb.add_option("--gigabytes", arguments->gigabytes, "Of the bank, at least")
        ->check(CLI::Range(.01, 1000.0))
        ->capture_default_str();
    verb.add_option("--threads", arguments->threads, "That read at once")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    verb.add_option("--rounds", arguments->rounds, "Medians of so many")
        ->check(CLI::Range(1, 99))
        ->capture_default_str();
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] {
        const Json result = measure(*arguments);
        if (arguments->json) return print_json(result);
        std::string text;
        for (const auto& [key, value] : result.items())
            text += fmt::format(
                "{:<24} {}\n", key,
                value.is_number_float() ? fmt::format("{:.3f}", value.get<double>()) : value.dump());
        print_text(text);
    });
}

}  // namespace vtvc
