// The amortised posterior: trained through the composed network or its tangent (step.cpp has the path from a
// batch to the ELBO), answered by the composed network with mean, hard or Monte Carlo coefficients.
#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "families.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/methods/monitors.hpp"
#include "vtvc/methods/step.hpp"
#include "vtvc/methods/tangents.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

at::Tensor entropy(const at::Tensor& p) { return -(p * p.clamp_min(1e-30).log()).sum(1); }

class Amortised final : public TrainedMethod {
  public:
    Amortised(Posterior posterior, bool told) : posterior_(std::move(posterior)), told_(told) {}

    Answer answer(const Problem& problem, const Batch& batch, Mode mode,
                  std::int64_t samples) const override {
        const torch::NoGradGuard no_grad;
        Posterior posterior = posterior_;
        const auto task = batch.task[0].item<std::int64_t>();
        const PosteriorOutput out = posterior->forward(batch.features, told_ ? batch.task : at::Tensor());
        Answer answer;
        if (mode == Mode::monte_carlo) {
            at::Tensor sum, entropies;
            for (std::int64_t s = 0; s < samples; ++s) {
                answer.z = posterior->monte_carlo(out, batch.ids, s);
                const at::Tensor p = composed_probabilities(problem, task, batch.images, answer.z);
                sum = sum.defined() ? sum + p : p;
                entropies = entropies.defined() ? entropies + entropy(p) : entropy(p);
            }
            answer.probabilities = sum / static_cast<double>(samples);
            answer.epistemic = entropy(answer.probabilities) - entropies / static_cast<double>(samples);
        } else {
            answer.z = mode == Mode::hard ? posterior->hard(out) : posterior->mean(out);
            answer.probabilities = composed_probabilities(problem, task, batch.images, answer.z);
        }
        answer.inclusion = posterior->inclusion(out, posterior->settings().anneal_steps).mean(2);
        answer.mean = out.mean;
        answer.uncertainty = posterior->uncertainty(out);
        return answer;
    }
    std::vector<Mode> modes() const override {
        if (posterior_->settings().posterior.family == Family::point) return {Mode::mean};
        return {Mode::mean, Mode::hard, Mode::monte_carlo};
    }
    void store(TensorFile& file) const override {
        for (const auto& entry : posterior_->named_parameters())
            file.tensors["parameter/" + entry.key()] = to_host(entry.value());
        for (const auto& entry : posterior_->named_buffers())
            file.tensors["buffer/" + entry.key()] = to_host(entry.value());
    }
    std::string family() const override { return "amortised"; }
    Posterior posterior() const { return posterior_; }

  private:
    Posterior posterior_;
    bool told_;
};

void standardise(Posterior& posterior, const Problem& problem) {
    std::vector<at::Tensor> all;
    for (const ProblemTask& task : problem.tasks()) all.push_back(task.train.features);
    const at::Tensor h = torch::cat(all);
    posterior->set_standardisation(h.mean(0), h.std(0).clamp_min(1e-6));
}

/// Watches the failure signatures on a part of each task's validation rows.
class Watch {
  public:
    Watch(const Problem& problem, RunContext& context) : problem_(problem), context_(context) {
        const torch::NoGradGuard no_grad;
        PlainWeights base(problem.base_blocks());
        for (std::size_t t = 0; t < problem.tasks().size(); ++t) {
            const Rows& rows = problem.tasks()[t].validation;
            const auto count = std::min<std::int64_t>(rows.count(), evaluation_chunk * 2);
            const Share share = share_of(count, context.comm.rank(), context.comm.size());
            std::vector<std::int64_t> index;
            for (std::int64_t i = 0; i < share.count; ++i) index.push_back(share.first + i);
            Batch batch = problem.batch_of(static_cast<std::int64_t>(t), rows, index);
            if (share.count > 0)
                moved_.push_back(problem.vit().forward(batch.images.roll(1, 3), base));
            else
                moved_.push_back(batch.features);
            batches_.push_back(std::move(batch));
        }
    }

    std::vector<Signature> look(const Amortised& method, double prior) const {
        const torch::NoGradGuard no_grad;
        std::vector<float> local;      // confidence, correct, uncertainty of each sample
        std::array<double, 3> sums{};  // non-zeros, flips, decisions
        Posterior posterior = method.posterior();
        const bool point = posterior->settings().posterior.family == Family::point;
        for (std::size_t t = 0; t < batches_.size(); ++t) {
            const Batch& batch = batches_[t];
            if (batch.size() == 0) continue;
            const Answer answer = method.answer(problem_, batch, point ? Mode::mean : Mode::hard, 1);
            const auto [confidence, guess] = answer.probabilities.max(1);
            const at::Tensor table =
                torch::stack(
                    {confidence, (guess == batch.labels).to(at::kFloat), answer.uncertainty.mean({1, 2})}, 1)
                    .contiguous();
            local.insert(local.end(), table.data_ptr<float>(), table.data_ptr<float>() + table.numel());
            const at::Tensor told = posterior->settings().datasets > 0 ? batch.task : at::Tensor();
            const at::Tensor moved = posterior->hard(posterior->forward(moved_[t], told));
            const at::Tensor on = answer.z != 0;
            sums[0] += on.sum().item<double>();
            sums[1] += (on != (moved != 0)).sum().item<double>();
            sums[2] += static_cast<double>(on.numel());
        }
        context_.comm.all_reduce(std::span<double>(sums));
        std::vector<float> all;
        for (const auto& part : context_.comm.all_gather(std::as_bytes(std::span(local)))) {
            const auto* values = reinterpret_cast<const float*>(part.data());
            all.insert(all.end(), values, values + part.size() / sizeof(float));
        }
        SignatureInput input;
        const at::Tensor table = torch::tensor(all).view({-1, 3});
        input.confidence = table.select(1, 0);
        input.correct = table.select(1, 1);
        input.uncertainty = table.select(1, 2);
        if (!point && sums[2] > 0) {
            input.nonzero = sums[0] / sums[2];
            input.flip_rate = sums[1] / sums[2];
            input.prior = prior;
        }
        return failure_signatures(input);
    }

  private:
    const Problem& problem_;
    RunContext& context_;
    std::vector<Batch> batches_;
    std::vector<at::Tensor> moved_;  // base features of the same images, moved by one pixel
};

/// While it lives, nothing is dropped.
class Evaluating {
  public:
    explicit Evaluating(Posterior& posterior) : posterior_(posterior), trained_(posterior->is_training()) {
        posterior_->eval();
    }
    ~Evaluating() { posterior_->train(trained_); }
    Evaluating(const Evaluating&) = delete;
    Evaluating& operator=(const Evaluating&) = delete;

  private:
    Posterior& posterior_;
    bool trained_;
};

/// At the step where training leaves the tangent.
void report(RunContext& context, LoopJob& loop, std::int64_t step, const TangentDistance& distance) {
    if (!context.root()) return;
    say(fmt::format("{}: exact from step {} on; {}", loop.phase, step, distance.text()));
    loop.lines.push_back(Json{{"phase", loop.phase}, {"step", step}, {"tangent", distance.named()}}.dump());
}

}  // namespace

PosteriorSettings posterior_settings(const PosteriorJob& job, const Problem& problem) {
    PosteriorSettings settings;
    settings.posterior = job.posterior;
    settings.prior = job.prior;
    settings.relaxation = job.relaxation;
    settings.gate = job.gate;
    settings.features = problem.feature_width();
    settings.vectors = problem.bank().tasks();
    settings.datasets = job.told() ? static_cast<std::int64_t>(problem.tasks().size()) : 0;
    settings.partition = problem.bank().partition();
    settings.anneal_steps =
        job.gate.anneal_steps > 0
            ? job.gate.anneal_steps
            : std::max<std::int64_t>(1, std::min<std::int64_t>(1000, job.train.steps / 3));
    settings.seed = static_cast<std::uint64_t>(job.common.seed);
    return settings;
}

std::unique_ptr<TrainedMethod> make_amortised(Posterior posterior, bool told) {
    return std::make_unique<Amortised>(std::move(posterior), told);
}

std::unique_ptr<TrainedMethod> load_amortised(const LoadedMethod& loaded, const Problem& problem) {
    Posterior posterior(posterior_settings(*loaded.job, problem));
    const torch::NoGradGuard no_grad;
    const auto load = [&](const std::string& group, auto&& entries) {
        for (auto& entry : entries) {
            const auto found = loaded.file.tensors.find(group + entry.key());
            if (found == loaded.file.tensors.end()) {
                fail<StorageError>("the posterior's {}{} is missing from its file", group, entry.key());
            }
            const at::Tensor value = to_tensor(found->second);
            if (value.sizes() != entry.value().sizes()) {
                fail<StorageError>("the posterior's {}{} has another shape than its configuration says",
                                   group, entry.key());
            }
            entry.value().copy_(value);
        }
    };
    load("parameter/", posterior->named_parameters());
    load("buffer/", posterior->named_buffers());
    posterior->eval();
    return make_amortised(posterior, loaded.job->told());
}

TrainedBy train_amortised(RunContext& context, const PosteriorJob& job, Problem& problem,
                          const std::string& phase) {
    const PosteriorSettings settings = posterior_settings(job, problem);
    Posterior posterior(settings);
    standardise(posterior, problem);
    const BankView& bank = problem.bank();
    const bool exact_only = job.posterior.fidelity == Fidelity::exact;
    std::optional<Tangents> tangents;
    if (!exact_only) tangents = Tangents::open(problem, job);
    const std::int64_t first_exact = job.first_exact_step();

    LoopJob loop;
    loop.phase = phase;
    loop.train = job.train;
    loop.seed = static_cast<std::uint64_t>(job.common.seed);
    loop.rows = problem.train_rows();
    std::vector<std::pair<std::string, at::Tensor>> network, task_level;
    const std::vector<at::Tensor> of_tasks = posterior->task_parameters();
    for (const auto& entry : posterior->named_parameters()) {
        const bool own_rate = std::any_of(of_tasks.begin(), of_tasks.end(),
                                          [&](const at::Tensor& t) { return t.is_same(entry.value()); });
        (own_rate ? task_level : network).emplace_back(entry.key(), entry.value());
    }
    loop.groups = decay_matrices_only(network, job.train.lr, job.train.weight_decay);
    if (!task_level.empty()) loop.groups.push_back({task_level, job.lr_task, 0});
    loop.metrics = posterior_metrics();
    if (!exact_only) loop.metrics.emplace_back("exact");  // the share of the step that was
    loop.best_by = job.select.by;
    // Where hard concrete clamps a spike to zero, neither the spike nor the slab has a gradient: ∂L/∂z there
    // is multiplied with zero, and need not be made.
    const bool clamped =
        job.posterior.family == Family::spike_slab && job.relaxation.kind == Relaxation::hard_concrete;
    const Gradients gradients = clamped ? Gradients::active : Gradients::all;
    const auto distance = [&] {
        const Evaluating now(posterior);
        return tangents->distance(
            problem,
            [&](const Batch& batch) {
                return posterior->mean(
                    posterior->forward(batch.features, job.told() ? batch.task : at::Tensor()));
            },
            context.comm);
    };
    loop.gradients = [&, gradients](std::int64_t step, std::span<const std::int64_t> rows,
                                    std::int64_t global) {
        const bool exact = step >= first_exact;
        if (!exact_only && step == first_exact) report(context, loop, step, distance());
        if (rows.empty()) return std::vector<double>(loop.metrics.size(), 0.0);
        const Batch batch = problem.train_batch(rows, exact ? BatchParts::all : BatchParts::without_images);
        std::vector<double> sums = posterior_step(posterior, batch, step, global, [&](const at::Tensor& z) {
            if (!exact) return tangents->losses(problem, batch, z);
            const auto weights = make_composed(bank, z, Scheme::automatic, gradients);
            return sample_losses(problem, problem.vit().forward(batch.images, *weights), batch);
        });
        sums.resize(loop.metrics.size(), exact ? static_cast<double>(rows.size()) : 0.0);
        return sums;
    };
    auto method = std::make_unique<Amortised>(posterior, job.told());
    const Watch watch(problem, context);
    loop.validate = [&](std::int64_t step) {
        const Evaluating now(posterior);
        std::map<std::string, double> result = validate_method(problem, *method, context.comm);
        for (const Signature& found : watch.look(*method, job.prior.inclusion)) {
            if (!context.root()) continue;
            warn(fmt::format("step {}: {}: {}", step, found.name, found.text));
            loop.lines.push_back(
                Json{{"phase", phase}, {"step", step}, {"signature", found.name}, {"warning", found.text}}
                    .dump());
        }
        return result;
    };
    posterior->train();
    TrainedBy trained;
    trained.result = run_loop(context, loop);
    posterior->eval();
    if (tangents && trained.result.finished) trained.tangent = distance();
    trained.method = std::move(method);
    return trained;
}

}  // namespace vtvc
