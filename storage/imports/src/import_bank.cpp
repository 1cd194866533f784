// A bank from foreign checkpoints: the base first, then block by block every task's difference from it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "adapter.hpp"
#include "config_file.hpp"
#include "import_parts.hpp"
#include "origin.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;

/// Our model file of the base, in memory.
struct Base {
    std::string path, hash;
    ModelKeys keys;
    Json origin;
    std::vector<Block> blocks;
    std::map<std::string, HostTensor> tensors;

    static Base open(const std::filesystem::path& path) {
        auto file = TensorFile::read(path, "model");
        const auto meta = Json::parse(file.meta, nullptr, false);
        if (!meta.is_object() || !meta.contains("model"))
            fail<StorageError>("{}: does not say its architecture; was it written by vtvc?", path.string());
        if (!text_in(meta, "base_hash").empty())
            fail<StorageError>("{}: is itself fine-tuned from a base (content hash {}); give that one",
                               path.string(), text_in(meta, "base_hash"));
        Base base{path.string(),
                  content_hash_of(path.string()),
                  model_keys(meta["model"].dump()),
                  meta.value("origin", Json()),
                  {},
                  std::move(file.tensors)};
        base.blocks = model_blocks(base.keys);
        for (const auto& block : base.blocks) {
            const auto found = base.tensors.find(block.name);
            if (found == base.tensors.end() || found->second.shape != block.shape)
                fail<StorageError>("{}: lacks block '{}' of shape {} that its architecture needs", base.path,
                                   block.name, shape_text(block.shape));
        }
        return base;
    }
    std::span<const float> values(const std::string& block) const { return tensors.at(block).as<float>(); }
};

/// Sums over the blocks as they pass.
struct Norms {
    double all = 0, matrices = 0;
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

    std::string content_hash() const {
        return adapter_ ? adapter_->content_hash() : network_->content_hash();
    }
    TaskReport& report() { return report_; }
    Json origin() const { return network_ ? Json::parse(to_json(origin_of(*network_, ""))) : Json(); }

    void put(BankWriter& writer, std::int64_t block, std::int64_t task, const Block& about,
             std::span<const float> base, Norms& norms) const {
        if (adapter_ && !adapter_->replaces(about.name)) {
            const auto parts = adapter_->factors(about);
            for (const auto& part : parts) add(norms, product_square(part), about);
            return writer.put_factors(block, task, parts);
        }
        std::vector<float> values(base.begin(), base.end());
        if (adapter_)
            adapter_->replace(about, values);
        else if (network_->has(about.name))
            values = network_->read(about.name, about.shape);
        double square = 0;
        std::vector<std::int32_t> at;  // where θ0 + τ rounds away from θ
        std::vector<float> exact;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float theta = values[i];
            values[i] -= base[i];
            square += static_cast<double>(values[i]) * values[i];
            if (exactness_ == Exactness::kept && base[i] + values[i] != theta && i <= INT32_MAX) {
                at.push_back(static_cast<std::int32_t>(i));
                exact.push_back(theta);
            }
        }
        add(norms, square, about);
        writer.put_task(block, task, values);
        writer.put_exact(block, task, at, exact);
    }

  private:
    static void add(Norms& norms, double square, const Block& about) {
        norms.all += square;
        if (about.shape.size() >= 2) norms.matrices += square;
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
        for (const auto& block : base.blocks) {
            if (!own.has(block.name)) continue;
            const auto values = own.read(block.name, block.shape);
            const auto given = base.values(block.name);
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
    const auto base = Base::open(report.base_path);
    std::vector<Task> tasks;
    BankPlan plan;
    Json notes{{"base", base.origin}, {"tasks", Json::object()}};
    const auto exactness =
        what.storage.kind == StorageKind::f32 ? Task::Exactness::kept : Task::Exactness::lost;
    for (const auto& [name, path] : what.tasks) {
        tasks.emplace_back(name, path, what.options, base, exactness);
        plan.tasks.push_back({name, tasks.back().content_hash(), what.storage});
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

    BankWriter writer(what.out, std::move(plan));
    Norms own;
    std::vector<Norms> norms(tasks.size());
    for (std::size_t j = 0; j < base.blocks.size(); ++j) {
        const auto& block = base.blocks[j];
        const auto values = base.values(block.name);
        writer.put_base(static_cast<std::int64_t>(j), values);
        for (const float value : values) {
            own.all += static_cast<double>(value) * value;
            if (block.shape.size() >= 2) own.matrices += static_cast<double>(value) * value;
        }
        for (std::size_t k = 0; k < tasks.size(); ++k)
            tasks[k].put(writer, static_cast<std::int64_t>(j), static_cast<std::int64_t>(k), block, values,
                         norms[k]);
    }
    writer.finish();
    for (std::size_t k = 0; k < tasks.size(); ++k) {
        judge(tasks[k].report(), norms[k], own);
        report.tasks.push_back(tasks[k].report());
    }
    return report;
}

}  // namespace vtvc
