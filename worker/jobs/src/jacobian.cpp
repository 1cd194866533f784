// kind = "jacobian": derivatives of a data set's logits in the coefficients, for posteriors that are trained
// on the tangent of the network. Ranks take whole chunks of rows; the file grows with them.
#include "vtvc/storage/jacobian.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "kinds.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/methods/method.hpp"
#include "vtvc/tangent/jacobian.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {

/// z̄ [K, J]: one number everywhere, or the fixed coefficients of a method for this data set.
at::Tensor point_of_expansion(const JacobianJob& job, const Problem& problem) {
    const BankView& bank = problem.bank();
    if (job.centre_from.empty()) {
        const double value = job.centre == -1 ? 1.0 / static_cast<double>(bank.tasks()) : job.centre;
        return torch::full({bank.tasks(), bank.coefficients()}, value);
    }
    const LoadedMethod loaded = open_method(job.centre_from);
    const nlohmann::json meta = nlohmann::json::parse(loaded.meta);
    const auto found = loaded.file.tensors.find("z");
    if (meta.at("family") != "fixed" || found == loaded.file.tensors.end())
        fail<ConfigError>(
            "'input.centre' {} is a method of family {} (a point of expansion needs fixed coefficients); "
            "give "
            "one of task_arithmetic, atlas, per_dataset or average",
            job.centre_from, meta.at("family").get<std::string>());
    if (loaded.bank_hash != problem.bank_hash() ||
        meta.at("task_names").get<std::vector<std::string>>() != bank.task_names() ||
        meta.at("partition") != name_of(job.partition))
        fail<StorageError>(
            "{}: its coefficients are of another bank, other task vectors or another partition; train it "
            "with "
            "those of this job",
            job.centre_from);
    const at::Tensor z = to_tensor(found->second);
    if (z.size(0) == 1) return z[0];
    const nlohmann::json& datasets = meta.at("datasets");
    for (std::size_t t = 0; t < datasets.size(); ++t)
        if (datasets[t].at("hash") == problem.tasks()[0].dataset->hash())
            return z[static_cast<std::int64_t>(t)];
    fail<StorageError>("{}: it has coefficients for {} data sets, and {} is none of them", job.centre_from,
                       datasets.size(), job.data);
}

/// One rank's numbers of one chunk, of all ranks in the order of the rows.
std::vector<float> in_order(Communicator& comm, const at::Tensor& mine) {
    std::vector<float> all;
    const std::span values(mine.data_ptr<float>(), static_cast<std::size_t>(mine.numel()));
    for (const auto& part : comm.all_gather(std::as_bytes(values))) {
        const auto* from = reinterpret_cast<const float*>(part.data());
        all.insert(all.end(), from, from + part.size() / sizeof(float));
    }
    return all;
}

class Maker {
  public:
    Maker(RunContext& context, const JacobianJob& job)
        : context_(context),
          problem_(job.bank, job.exclude, job.partition, {row_of(job)}),
          centre_(point_of_expansion(job, problem_).to(at::kFloat).contiguous()) {
        const ProblemTask& task = problem_.tasks()[0];
        const auto images = [&](Split split, std::int64_t first, std::int64_t count) {
            return ImageSet(*task.dataset, task.dataset->read(split, first, count), problem_.vit().keys());
        };
        train_ = images(Split::train, job.window.first, job.window.count);
        validation_ = images(Split::validation, 0, job.validation_rows);
        if (train_.rows() == 0)
            fail<StorageError>("{}: the train split has no rows from {} on; change rows.first", job.data,
                               job.window.first);
        const BankView& bank = problem_.bank();
        about_.origin = {problem_.base_hash(), problem_.bank_hash(),   task.dataset->hash(),
                         task.head.hash,       name_of(job.partition), bank.task_names()};
        about_.coefficient_names = bank.partition().names;
        about_.classes = task.head.classes();
        about_.store = job.store;
        about_.centre.assign(centre_.data_ptr<float>(), centre_.data_ptr<float>() + centre_.numel());
        mode_ = resolved_mode(job.mode, about_.classes, bank);
    }

    void run(const std::filesystem::path& file) {
        const std::int64_t rows = train_.rows() + validation_.rows();
        if (context_.root()) {
            announce(rows);
            writer_.emplace(file, about_, train_.rows(), validation_.rows());
            progress_.emplace("jacobian", rows, "rows");
        }
        make(Split::train, train_);
        make(Split::validation, validation_);
        if (context_.root()) writer_->finish();
    }

  private:
    static TaskRow row_of(const JacobianJob& job) {
        TaskRow row;
        row.name = "the data set";
        row.data = job.data;
        row.head = job.head;
        return row;
    }

    void announce(std::int64_t rows) const {
        const BankView& bank = problem_.bank();
        const auto takes = [&](JacobianMode mode) { return passes(mode, about_.classes, bank); };
        const bool forward = mode_ == JacobianMode::forward;
        say(fmt::format(
            "{} + {} rows × {} classes × {} × {} coefficients in {}: {:.1f} MB; {} mode, {} passes a "
            "chunk of {} rows ({} mode: {})",
            train_.rows(), validation_.rows(), about_.classes, about_.tasks(), about_.coefficients(),
            name_of(about_.store), 1e-6 * static_cast<double>(rows * about_.row_bytes()), name_of(mode_),
            takes(mode_), feature_chunk, name_of(forward ? JacobianMode::backward : JacobianMode::forward),
            takes(forward ? JacobianMode::backward : JacobianMode::forward)));
    }

    /// Fixed chunks, the last one padded, as everywhere: a row's numbers do not depend on the ranks.
    Expansion chunk(const ImageSet& images, std::int64_t first, std::int64_t valid) const {
        std::vector<std::int64_t> index(static_cast<std::size_t>(feature_chunk), first);
        std::iota(index.begin(), index.begin() + valid, first);
        const auto& head = problem_.tasks()[0].head;
        const auto expand = mode_ == JacobianMode::forward ? forward_jacobian : backward_jacobian;
        const Expansion made = expand(
            problem_.vit(), problem_.bank(), [&](const at::Tensor& x) { return head.logits(x); },
            images.images(index), centre_);
        return {made.logits.narrow(0, 0, valid).contiguous(), made.jacobian.narrow(0, 0, valid).contiguous()};
    }

    void make(Split split, const ImageSet& images) {
        Communicator& comm = context_.comm;
        const std::int64_t step = feature_chunk * comm.size();
        for (std::int64_t round = 0; round < images.rows(); round += step) {
            const auto begin = std::chrono::steady_clock::now();
            const std::int64_t first = round + feature_chunk * comm.rank();
            const std::int64_t valid = std::clamp<std::int64_t>(images.rows() - first, 0, feature_chunk);
            Expansion mine{torch::empty({0}), torch::empty({0})};
            if (valid > 0) mine = chunk(images, first, valid);
            const std::vector<float> logits = in_order(comm, mine.logits),
                                     values = in_order(comm, mine.jacobian);
            if (!context_.root()) continue;
            const std::int64_t count = std::min(step, images.rows() - round);
            const std::span<const std::int64_t> ids = images.data().ids;
            writer_->append(split,
                            ids.subspan(static_cast<std::size_t>(round), static_cast<std::size_t>(count)),
                            logits, values);
            if (done_ == 0) {
                const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
                const std::int64_t rounds = (train_.rows() + validation_.rows() + step - 1) / step;
                say(fmt::format("about {} on {} ranks",
                                duration_text(took.count() * static_cast<double>(rounds)), comm.size()));
            }
            done_ += count;
            progress_->update(done_);
        }
    }

    RunContext& context_;
    Problem problem_;
    at::Tensor centre_;
    ImageSet train_, validation_;
    JacobianAbout about_;
    JacobianMode mode_ = JacobianMode::backward;
    std::optional<JacobianWriter> writer_;
    std::optional<Progress> progress_;
    std::int64_t done_ = 0;
};

}  // namespace

bool run_jacobian(RunContext& context, const JacobianJob& job) {
    Maker(context, job).run(context.path / "jacobian.h5");
    return true;
}

}  // namespace vtvc
