// vtvc bench storage: a bank of a gigabyte read, verified and imported, each against plain system calls that
// move the same bytes with the same threads, measured in turns in one run. A ratio of 1 costs nothing over
// them. The plain calls do what serves them best: whole blocks into aligned memory as load does, or a
// megabyte at a time where nothing is kept; a copy of every checkpoint by every thread at once.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
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
#include "vtvc/imports/import.hpp"
#include "vtvc/imports/safetensors_writer.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::int64_t kTasks = 3;

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
    void write(std::uint64_t at, std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
            if (put <= 0) fail<StorageError>("cannot write {}", path_.string());
            bytes = bytes.subspan(static_cast<std::size_t>(put));
            at += static_cast<std::uint64_t>(put);
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

/// Where buffers begin, as those of tensors do: the system copies to there faster, by a factor of two.
struct alignas(64) CacheLine {
    std::array<std::byte, 64> bytes;
};

/// work(i, buffer) for every i below count, by so many threads, each with a buffer of its own.
void in_threads(int threads, std::size_t count, std::size_t buffer_bytes,
                const std::function<void(std::size_t, std::span<std::byte>)>& work) {
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
        std::vector<CacheLine> lines(buffer_bytes / sizeof(CacheLine) + 1);
        const auto buffer = std::as_writable_bytes(std::span(lines)).first(buffer_bytes);
        for (auto at = next++; at < count; at = next++) work(at, buffer);
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run);
    run();
}

/// All of a file, so many bytes at a time.
void plain_read(const fs::path& path, int threads, std::size_t piece) {
    const Plain file(path, O_RDONLY);
    const auto bytes = fs::file_size(path);
    in_threads(threads, (bytes + piece - 1) / piece, piece, [&](std::size_t at, std::span<std::byte> buffer) {
        for (std::uint64_t from = at * piece; !buffer.empty();) {
            const auto got = file.read(from, buffer);
            if (got == 0) return;
            buffer = buffer.subspan(got);
            from += got;
        }
    });
}

std::size_t largest_block(const Bank& bank) {
    std::int64_t most = 0;
    for (const auto& block : bank.blocks()) most = std::max(most, block.elements());
    return static_cast<std::size_t>(most) * sizeof(float);
}

void load(const fs::path& path, int threads) {
    const Bank bank = Bank::open(path);
    const auto vectors = static_cast<std::size_t>(bank.tasks() + 1);
    in_threads(threads, bank.blocks().size() * vectors, largest_block(bank),
               [&](std::size_t at, std::span<std::byte> buffer) {
                   const auto block = static_cast<std::int64_t>(at / vectors),
                              task = static_cast<std::int64_t>(at % vectors) - 1;
                   const std::span out(
                       reinterpret_cast<float*>(buffer.data()),
                       static_cast<std::size_t>(bank.blocks()[static_cast<std::size_t>(block)].elements()));
                   if (task < 0)
                       bank.read_base(block, out);
                   else
                       bank.read_task(block, task, out);
               });
}

/// Reads every source and writes as many bytes, to the disk.
void plain_copy(const std::vector<fs::path>& sources, const fs::path& to, int threads) {
    {
        const Plain out(to, O_WRONLY | O_CREAT | O_TRUNC);
        std::vector<std::uint64_t> starts{0};
        for (const auto& source : sources) starts.push_back(starts.back() + fs::file_size(source));
        in_threads(threads, sources.size(), kPiece, [&](std::size_t i, std::span<std::byte> buffer) {
            const Plain in(sources[i], O_RDONLY);
            std::uint64_t at = 0;
            for (auto got = in.read(at, buffer); got > 0; got = in.read(at, buffer)) {
                out.write(starts[i] + at, buffer.first(got));
                at += got;
            }
        });
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

/// A network of so many blocks as large as those of ViT-B, deep enough for the bytes.
ModelKeys network_of(double gigabytes) {
    ModelKeys keys;
    keys.image = 224, keys.channels = 3, keys.patch = 32;
    keys.width = 768, keys.heads = 12, keys.mlp = 3072, keys.output = 512;
    keys.depth = 1;
    const auto bytes = [&] {
        double sum = 0;
        for (const auto& block : model_blocks(keys)) sum += 4.0 * static_cast<double>(block.elements());
        return sum * static_cast<double>(kTasks + 1);
    };
    while (bytes() < gigabytes * 1e9) ++keys.depth;
    return keys;
}

/// The base as our model file, what was fine-tuned from it as safetensors.
std::vector<fs::path> make_checkpoints(const fs::path& folder, const ModelKeys& keys) {
    const auto blocks = model_blocks(keys);
    std::minstd_rand noise(1);
    const auto draw = [&](float scale) {
        return (static_cast<float>(noise() & 0xFFFF) / 32768.0F - 1.0F) * scale;
    };
    TensorFile base;
    base.kind = "model";
    base.meta = Json{{"model", Json::parse(model_meta(keys))}}.dump();
    for (const auto& block : blocks) {
        std::vector<float> values(static_cast<std::size_t>(block.elements()));
        for (auto& value : values) value = draw(.05F);
        base.tensors[block.name] = HostTensor::of<float>(block.shape, values);
    }
    std::vector<fs::path> paths{folder / "base.h5"};
    base.write(paths.front());
    std::vector<ForeignTensor> tensors;
    for (const auto& block : blocks)
        tensors.push_back({"visual." + block.name, ForeignType::f32, block.shape});
    for (std::int64_t k = 0; k < kTasks; ++k) {
        paths.push_back(folder / fmt::format("task{}.safetensors", k));
        SafetensorsWriter writer(paths.back(), tensors, {});
        for (const auto& block : blocks) {
            auto tuned = base.tensors.at(block.name);
            for (auto& value : tuned.as<float>()) value += draw(.001F);
            writer.write(tuned.bytes);
        }
        writer.finish();
    }
    return paths;
}

Json measure(const StorageBench& bench) {
    const Workspace workspace(bench.folder);
    const auto files = make_checkpoints(workspace.path, network_of(bench.gigabytes));
    BankImport what;
    what.base = files.front();
    for (std::size_t i = 1; i < files.size(); ++i)
        what.tasks.emplace_back("task" + std::to_string(i), files[i]);
    what.threads = bench.threads;
    const auto bank = what.out = workspace.path / "bank.h5";
    import_bank(what);
    const auto block_bytes = largest_block(Bank::open(bank));

    std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> times;  // ours, plain
    int round = 0;
    const auto turn = [&](const char* name, bool cold, const std::vector<fs::path>& touched,
                          const std::function<void()>& ours, const std::function<void()>& plain) {
        for (const bool our_turn : {round % 2 == 0, round % 2 != 0}) {
            if (cold) std::for_each(touched.begin(), touched.end(), forget);
            auto& [mine, theirs] = times[name];
            (our_turn ? mine : theirs).push_back(seconds_of(our_turn ? ours : plain));
        }
    };
    for (; round < bench.rounds; ++round) {
        turn(
            "import", true, files, [&] { import_bank(what); },
            [&] { plain_copy(files, workspace.path / "copy", bench.threads); });
        const auto read_blocks = [&] { plain_read(bank, bench.threads, block_bytes); };
        const auto read_pieces = [&] { plain_read(bank, bench.threads, kPiece); };
        const auto load_all = [&] { load(bank, bench.threads); };
        const auto verify = [&] {
            if (!verify_file(bank, bench.threads).whole()) fail<StorageError>("{} is damaged", bank.string());
        };
        turn("load", true, {bank}, load_all, read_blocks);
        turn("verify", true, {bank}, verify, read_pieces);
        read_pieces();
        turn("load_warm", false, {bank}, load_all, read_blocks);
        turn("verify_warm", false, {bank}, verify, read_pieces);
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

void add_bench_storage(CLI::App& bench) {
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
