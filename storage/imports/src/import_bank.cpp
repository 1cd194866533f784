// A bank from foreign checkpoints: the base first, then block by block every task's difference from it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "adapter.hpp"
#include "config_file.hpp"
#include "import_parts.hpp"
#include "origin.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/in_order.hpp"
#include "vtvc/core/numbers.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;

/// Our model file of the base. A block is read once, by whichever thread needs it first, and kept until the
/// bank has taken it.
class Base {
  public:
    explicit Base(const std::filesystem::path& place)
        : path(place.string()), file_(TensorReader::open(place, "model")), hash(file_.content_hash()) {
        const auto meta = Json::parse(file_.meta(), nullptr, false);
        if (!meta.is_object() || !meta.contains("model"))
            fail<StorageError>("{}: does not say its architecture; was it written by vtvc?", path);
        if (!text_in(meta, "base_hash").empty())
            fail<StorageError>("{}: is itself fine-tuned from a base (content hash {}); give that one", path,
                               text_in(meta, "base_hash"));
        keys = model_keys(meta["model"].dump());
        origin = meta.value("origin", Json());
        blocks = model_blocks(keys);
        for (const auto& block : blocks)
            if (!file_.has(block.name) || file_.shape(block.name) != block.shape)
                fail<StorageError>("{}: lacks block '{}' of shape {} that its architecture needs", path,
                                   block.name, shape_text(block.shape));
    }

    Numbers values(std::size_t block) const {
        const std::scoped_lock lock(mutex_);
        auto& kept = kept_[block];
        if (!kept) kept = std::make_shared<const std::vector<float>>(file_.floats(blocks[block].name));
        return kept;
    }
    void forget(std::size_t block) const {
        const std::scoped_lock lock(mutex_);
        kept_.erase(block);
    }

    const std::string path;

  private:
    TensorReader file_;
    mutable std::mutex mutex_;
    mutable std::map<std::size_t, Numbers> kept_;

  public:
    const std::string hash;
    ModelKeys keys;
    Json origin;
    std::vector<Block> blocks;
};

/// Memory of numbers that the bank has taken, for the next ones: the system hands out no page a second time
/// before it has cleared it.
class Recycled {
  public:
    /// Room for so many and not many more; empty where there is none.
    std::vector<float> take(std::size_t size) {
        const std::scoped_lock lock(mutex_);
        auto found = free_.lower_bound(size);
        if (found == free_.end() || found->first > 2 * size) return {};
        auto room = std::move(found->second);
        free_.erase(found);
        return room;
    }
    /// The memory comes back when nobody holds the numbers any more; by any thread, before *this ends.
    Numbers lent(std::vector<float> values) {
        return {new std::vector<float>(std::move(values)), [this](std::vector<float>* done) {
                    const std::scoped_lock lock(mutex_);
                    const auto size = done->capacity();
                    free_.emplace(size, std::move(*done));
                    delete done;
                }};
    }

  private:
    std::mutex mutex_;
    std::multimap<std::size_t, std::vector<float>> free_;  // by capacity
};

/// Sums over the blocks as they pass.
struct Norms {
    double all = 0, matrices = 0;
    void add(double square, const Block& about) {
        all += square;
        if (about.shape.size() >= 2) matrices += square;
    }
};

/// What a task is in one block, ready for the bank.
struct Prepared {
    bool dense = true;
    Numbers vector;                // dense: τ
    std::vector<Factors> parts;    // otherwise
    double square = 0;             // ‖τ‖²
    std::vector<std::int32_t> at;  // where θ0 + τ rounds away from θ
    std::vector<float> exact;      // θ there
    std::string hash;              // of the block's tensors; empty: the checkpoint has none
};

/// One task: a whole network or an adapter.
class Task {
  public:
    /// Where every other number is rounded too, keeping some of them exact would be in vain.
    enum class Exactness { kept, lost };

    Task(const std::string& name, const std::filesystem::path& path, const NetworkOptions& options,
         const Base& base, Exactness exactness)
        : exactness_(exactness) {
        report_.name = name;
        if (Adapter::is_one(path)) {
            adapter_ = std::make_unique<Adapter>(Adapter::open(path, options.mapping, base.blocks));
            report_.network = {adapter_->path(),
                               adapter_->description(),
                               "PEFT LoRA",
                               "",
                               2 * adapter_->pairs(),
                               0,
                               adapter_->skipped(),
                               {},
                               {}};
            return;
        }
        network_ = std::make_unique<ForeignNetwork>(ForeignNetwork::open(path, options.mapping));
        report_.network = describe_network(*network_);
        check_against(base);
        check_configuration(base, options);
        check_own_base(path, options, base);
    }

    /// Of the checkpoint; of a network it is known when every block has been put.
    std::string content_hash() const {
        return adapter_ ? adapter_->content_hash() : ForeignNetwork::content_hash(hashes_);
    }
    TaskReport& report() { return report_; }
    Json origin() const { return network_ ? Json::parse(to_json(origin_of(*network_, ""))) : Json(); }

    /// By any thread.
    Prepared prepare(const Block& about, std::span<const float> base, Recycled& recycled) const {
        Prepared made;
        if (adapter_ && !adapter_->replaces(about.name)) {
            const std::scoped_lock lock(*reading_);
            made.dense = false;
            made.parts = adapter_->factors(about);
            for (const auto& part : made.parts) made.square += product_square(part);
            return made;
        }
        auto values = read(about, base, recycled, made.hash);
        auto difference = subtract(values, base);
        made.square = difference.square;
        if (exactness_ == Exactness::kept && values.size() <= INT32_MAX) {
            made.at.assign(difference.at.begin(), difference.at.end());
            made.exact = std::move(difference.given);
        }
        made.vector = recycled.lent(std::move(values));
        return made;
    }

    void put(BankWriter& writer, std::int64_t block, std::int64_t task, const Block& about, Prepared made,
             Norms& norms) {
        norms.add(made.square, about);
        if (!made.hash.empty()) hashes_[about.name] = std::move(made.hash);
        if (!made.dense) return writer.put_factors(block, task, made.parts);
        writer.put_task(block, task, std::move(made.vector));
        writer.put_exact(block, task, made.at, made.exact);
    }

  private:
    /// θ of one block: the base's where the checkpoint has none.
    std::vector<float> read(const Block& about, std::span<const float> base, Recycled& recycled,
                            std::string& hash) const {
        const std::scoped_lock lock(*reading_);
        if (network_ && network_->has(about.name)) {
            auto found = network_->read_hashed(about.name, about.shape, recycled.take(base.size()));
            hash = std::move(found.hash);
            return std::move(found.values);
        }
        std::vector<float> values(base.begin(), base.end());
        if (adapter_) adapter_->replace(about, values);
        return values;
    }
    /// ‖left·right‖² = Σ (leftᵀ left) ∘ (right rightᵀ), without the product itself.
    static double product_square(const Factors& part) {
        const auto rank = static_cast<std::size_t>(part.rank);
        const auto rows = static_cast<std::size_t>(part.rows), columns = part.right.size() / rank;
        double sum = 0;
        for (std::size_t p = 0; p < rank; ++p)
            for (std::size_t q = 0; q < rank; ++q) {
                double left = 0, right = 0;
                for (std::size_t i = 0; i < rows; ++i)
                    left += static_cast<double>(part.left[i * rank + p]) * part.left[i * rank + q];
                for (std::size_t j = 0; j < columns; ++j)
                    right += static_cast<double>(part.right[p * columns + j]) * part.right[q * columns + j];
                sum += left * right;
            }
        return sum;
    }

    void check_against(const Base& base) {
        auto left = network_->blocks();
        for (const auto& block : base.blocks) {
            std::erase(left, block.name);
            if (!network_->has(block.name)) {
                if (block.name != "proj")
                    fail<StorageError>(
                        "{}: lacks the tensor for block '{}', in the base {} it has shape {}; is it a "
                        "checkpoint of the same network?",
                        network_->path(), block.name, base.path, shape_text(block.shape));
                report_.network.notes.emplace_back(
                    "has no projection: it was trained without, the base's is taken and its task vector is "
                    "zero there");
                continue;
            }
            const auto shape = network_->shape(block.name);
            const bool linear_patches = block.name == "conv1.weight" && shape.size() == 2;
            if (shape != block.shape && !linear_patches)
                fail<StorageError>(
                    "{}: {} makes block '{}' of shape {}, in the base {} it has {}; import it with "
                    "a base of its own architecture",
                    network_->path(), network_->describe(block.name), block.name, shape_text(shape),
                    base.path, shape_text(block.shape));
        }
        if (!left.empty())
            fail<StorageError>(
                "{}: {} belongs to block '{}', the base {} has none of that name; import it with a "
                "base of its own architecture",
                network_->path(), network_->describe(left.front()), left.front(), base.path);
    }

    void check_configuration(const Base& base, const NetworkOptions& options) {
        const auto hints = merged(options.hints, read_hints(network_->path()));
        report_.network.sources = hints.sources;
        if (hints.heads && *hints.heads != base.keys.heads)
            fail<StorageError>("{}: its configuration says {} heads, the base {} has {}", network_->path(),
                               *hints.heads, base.path, base.keys.heads);
        if (hints.activation && *hints.activation != base.keys.activation)
            fail<StorageError>("{}: its configuration says activation {}, the base {} has {}",
                               network_->path(), name_of(*hints.activation), base.path,
                               name_of(base.keys.activation));
    }

    /// A linearised checkpoint carries the θ0 it was trained from.
    void check_own_base(const std::filesystem::path& path, const NetworkOptions& options, const Base& base) {
        if (network_->mapping().notes.empty()) return;
        auto other = options.mapping;
        other.tangent = MappingOptions::Tangent::base;
        const auto own = ForeignNetwork::open(path, other);
        double difference = 0, size = 0;
        for (std::size_t j = 0; j < base.blocks.size(); ++j) {
            const auto& block = base.blocks[j];
            if (!own.has(block.name)) continue;
            const auto values = own.read(block.name, block.shape);
            const auto numbers = base.values(j);
            const auto& given = *numbers;
            base.forget(j);
            for (std::size_t i = 0; i < values.size(); ++i) {
                difference += std::pow(static_cast<double>(values[i]) - given[i], 2);
                size += std::pow(static_cast<double>(given[i]), 2);
            }
        }
        if (difference > 0)
            report_.warnings.push_back(
                fmt::format("the θ0 in the file is not this base: {:.3g} of its norm apart",
                            std::sqrt(difference / size)));
    }

    Exactness exactness_;
    std::unique_ptr<ForeignNetwork> network_;
    std::unique_ptr<Adapter> adapter_;
    std::unique_ptr<std::mutex> reading_ =
        std::make_unique<std::mutex>();          // zip archives: one reader at a time
    std::map<std::string, std::string> hashes_;  // of blocks, as they are put
    TaskReport report_;
};

void check_names(const BankImport& what) {
    if (what.tasks.empty()) fail<ConfigError>("a bank needs one task at least; give --task NAME=PATH");
    std::set<std::string> seen;
    for (const auto& [name, path] : what.tasks)
        if (!seen.insert(name).second) fail<ConfigError>("task '{}' is named twice in the bank", name);
}

/// Our model file as it is; a foreign base is imported beside the bank.
std::filesystem::path base_file(const BankImport& what, BankReport& report) {
    std::error_code error;
    if (std::filesystem::is_regular_file(what.base, error) && starts_like_hdf5(what.base)) return what.base;
    auto path = what.out;
    path.replace_extension(".base.h5");
    report.base = import_model(what.base, path, what.options);
    return path;
}

void judge(TaskReport& report, const Norms& norms, const Norms& base) {
    report.norm = std::sqrt(norms.all);
    report.distance = base.matrices > 0 ? std::sqrt(norms.matrices / base.matrices) : 0;
    if (norms.all == 0)
        report.warnings.emplace_back("the task vector is zero: the checkpoint holds the base's own weights");
    if (report.distance > kForeignDistance)
        report.warnings.push_back(
            fmt::format("its matrices lie {:.2f} of the base's norm away from it (fine-tuned ones lie below "
                        "{}, unrelated "
                        "ones near 1.41): was it fine-tuned from this base?",
                        report.distance, kForeignDistance));
}

}  // namespace

BankReport import_bank(const BankImport& what) {
    check_names(what);
    BankReport report;
    report.base_path = base_file(what, report);
    const Base base(report.base_path);
    std::vector<Task> tasks;
    BankPlan plan;
    Json notes{{"base", base.origin}, {"tasks", Json::object()}};
    const auto exactness =
        what.storage.kind == StorageKind::f32 ? Task::Exactness::kept : Task::Exactness::lost;
    for (const auto& [name, path] : what.tasks) {
        tasks.emplace_back(name, path, what.options, base, exactness);
        plan.tasks.push_back({name, "", what.storage});
        Json about{{"format", tasks.back().report().network.format},
                   {"layout", tasks.back().report().network.layout}};
        const auto known = base.origin.is_object() ? base.origin.value("tensors", Json()) : Json();
        if (auto origin = tasks.back().origin(); origin.is_object() && origin["tensors"] != known)
            about["origin"] = std::move(origin);
        notes["tasks"][name] = std::move(about);
    }
    plan.base_hash = base.hash;
    plan.model = model_meta(base.keys);
    plan.notes = notes.dump();
    plan.blocks = base.blocks;

    Recycled recycled;  // before all that holds what it lends
    BankWriter writer(what.out, std::move(plan));
    Norms own;
    std::vector<Norms> norms(tasks.size());
    const auto count = static_cast<std::int64_t>(tasks.size());
    const auto threads =
        what.threads > 0 ? what.threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    in_order(
        count * static_cast<std::int64_t>(base.blocks.size()), threads, 2 * threads,
        [&](std::int64_t i) {
            const auto block = static_cast<std::size_t>(i / count);
            const auto values = base.values(block);
            return tasks[static_cast<std::size_t>(i % count)].prepare(base.blocks[block], *values, recycled);
        },
        [&](std::int64_t i, Prepared made) {
            const auto block = i / count, task = i % count;
            const auto& about = base.blocks[static_cast<std::size_t>(block)];
            if (task == 0) {
                own.add(writer.put_base(block, base.values(static_cast<std::size_t>(block))), about);
            }
            const auto k = static_cast<std::size_t>(task);
            tasks[k].put(writer, block, task, about, std::move(made), norms[k]);
            if (task + 1 == count) base.forget(static_cast<std::size_t>(block));
        });
    for (std::size_t k = 0; k < tasks.size(); ++k)
        writer.put_hash(static_cast<std::int64_t>(k), tasks[k].content_hash());
    writer.finish();
    for (std::size_t k = 0; k < tasks.size(); ++k) {
        judge(tasks[k].report(), norms[k], own);
        report.tasks.push_back(tasks[k].report());
    }
    return report;
}

}  // namespace vtvc
