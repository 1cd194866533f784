#include "vtvc/training/loop.hpp"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "checkpoint.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/training/images.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

torch::optim::AdamW make_optimizer(const std::vector<ParameterGroup>& groups) {
    std::vector<torch::optim::OptimizerParamGroup> torch_groups;
    for (const ParameterGroup& group : groups) {
        std::vector<at::Tensor> tensors;
        for (const auto& [name, tensor] : group.parameters) tensors.push_back(tensor);
        auto options = std::make_unique<torch::optim::AdamWOptions>(group.lr);
        options->weight_decay(group.weight_decay);
        torch_groups.emplace_back(std::move(tensors), std::move(options));
    }
    return torch::optim::AdamW(torch_groups, torch::optim::AdamWOptions());
}

void set_rates(torch::optim::AdamW& optimizer, const std::vector<ParameterGroup>& groups, double factor) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
        static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[g].options())
            .lr(groups[g].lr * factor);
    }
}

/// All gradients as one buffer, so that a step is one message.
class FlatGradient {
  public:
    explicit FlatGradient(const NamedTensors& parameters) : parameters_(parameters) {
        std::int64_t size = 0;
        for (const auto& [name, tensor] : parameters_) size += tensor.numel();
        buffer_ = torch::zeros({size});
    }
    std::span<float> gather() {
        std::int64_t at = 0;
        for (const auto& [name, tensor] : parameters_) {
            at::Tensor part = buffer_.narrow(0, at, tensor.numel());
            if (tensor.grad().defined()) {
                part.copy_(tensor.grad().reshape({-1}));
            } else {
                part.zero_();
            }
            at += tensor.numel();
        }
        return {buffer_.data_ptr<float>(), static_cast<std::size_t>(buffer_.numel())};
    }
    /// Euclidean norm of the reduced gradient, in double.
    double norm() const { return buffer_.norm(2, at::kDouble).item<double>(); }
    void scatter(double factor) {
        std::int64_t at = 0;
        for (const auto& [name, tensor] : parameters_) {
            at::Tensor part = buffer_.narrow(0, at, tensor.numel()).view(tensor.sizes());
            tensor.mutable_grad() = factor == 1.0 ? part.clone() : part * factor;
            at += tensor.numel();
        }
    }
    /// The first parameter whose gradient is not finite; empty when all are.
    std::string culprit() const {
        std::int64_t at = 0;
        for (const auto& [name, tensor] : parameters_) {
            if (!torch::isfinite(buffer_.narrow(0, at, tensor.numel())).all().item<bool>()) return name;
            at += tensor.numel();
        }
        return "";
    }

  private:
    const NamedTensors& parameters_;
    at::Tensor buffer_;
};

[[noreturn]] void report_not_finite(const RunContext& context, std::int64_t step,
                                    std::span<const double> bad_ranks, const std::string& parameter) {
    std::string ranks;
    for (std::size_t r = 0; r < bad_ranks.size(); ++r) {
        if (bad_ranks[r] > 0) ranks += (ranks.empty() ? "" : ", ") + std::to_string(r);
    }
    fail<NumericError>(
        "step {}: {} is not a number (going on would destroy the parameters); first seen in the loss of rank "
        "{}, "
        "gradient of {}; lower train.lr or check the data. The last good checkpoint is in {}",
        step, ranks.empty() ? "the gradient" : "the loss", ranks.empty() ? "none" : ranks,
        parameter.empty() ? "no parameter" : parameter, (context.path / "checkpoints").string());
}

}  // namespace

bool better(const std::map<std::string, double>& a, const std::map<std::string, double>& b, SelectBy by) {
    if (b.empty()) return true;
    const bool hard = (by == SelectBy::hard_accuracy || by == SelectBy::hard_nll) && a.contains("hard_nll");
    const std::string mode = hard ? "hard_" : "";
    if (by == SelectBy::accuracy || by == SelectBy::hard_accuracy)
        return a.at(mode + "accuracy") > b.at(mode + "accuracy");
    return a.at(mode + "nll") < b.at(mode + "nll");
}

double schedule(std::int64_t step, std::int64_t steps, std::int64_t warmup) {
    if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
    const double progress =
        static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, steps - warmup));
    return .5 * (1 + std::cos(std::numbers::pi * std::min(progress, 1.0)));
}

std::vector<ParameterGroup> decay_matrices_only(
    const std::vector<std::pair<std::string, at::Tensor>>& parameters, double lr, double weight_decay) {
    ParameterGroup matrices{{}, lr, weight_decay}, vectors{{}, lr, 0};
    for (const auto& entry : parameters)
        (entry.second.dim() >= 2 ? matrices : vectors).parameters.push_back(entry);
    std::vector<ParameterGroup> groups;
    for (auto* group : {&matrices, &vectors}) {
        if (!group->parameters.empty()) groups.push_back(std::move(*group));
    }
    return groups;
}

std::string broadcast_text(Communicator& comm, std::string text, int root) {
    std::int64_t length = comm.rank() == root ? static_cast<std::int64_t>(text.size()) : 0;
    comm.all_reduce(std::span(&length, 1));
    text.resize(static_cast<std::size_t>(length));
    comm.broadcast(std::as_writable_bytes(std::span(text.data(), text.size())), root);
    return text;
}

std::optional<LoopResult> finished_phase(RunContext& context, const std::string& phase) {
    std::string text;
    if (context.root()) {
        const std::filesystem::path file = context.path / "checkpoints" / (phase + ".done.json");
        if (std::filesystem::exists(file)) text = read_text(file);
    }
    text = broadcast_text(context.comm, std::move(text));
    if (text.empty()) return std::nullopt;
    const Json done = Json::parse(text);
    return LoopResult{true, done["validation"].get<std::map<std::string, double>>(),
                      done["seconds"].get<double>()};
}

LoopResult run_loop(RunContext& context, LoopJob& job) {
    Communicator& comm = context.comm;
    const auto ranks = static_cast<std::size_t>(comm.size());
    NamedTensors parameters;
    for (const ParameterGroup& group : job.groups) {
        parameters.insert(parameters.end(), group.parameters.begin(), group.parameters.end());
    }
    torch::optim::AdamW optimizer = make_optimizer(job.groups);
    Order order(job.rows, job.train.batch, job.seed);
    FlatGradient gradient(parameters);

    std::optional<JsonLines> metrics;  // before the checkpoints, whose writing uses them
    CheckpointFolder checkpoints(context, job.phase);
    LoopState state;
    checkpoints.restore(state, parameters, optimizer);
    if (context.root()) metrics.emplace(context.path / "metrics.jsonl", state.metrics_bytes);
    std::optional<Progress> progress;
    if (context.root()) progress.emplace(job.phase, job.train.steps, "steps", state.step);
    const auto stand = [&] {  // so that a status tells how far the run came, a failure's too
        if (context.folder) context.folder->stand_at(state.step, job.train.steps);
    };
    stand();

    const auto begin = std::chrono::steady_clock::now();
    const double earlier_seconds = state.seconds;
    const auto elapsed = [&] {
        return earlier_seconds +
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    const auto save = [&] {
        state.seconds = elapsed();
        if (metrics) state.metrics_bytes = metrics->bytes();
        checkpoints.save(state, parameters, optimizer, metrics ? &*metrics : nullptr);
    };

    while (state.step < job.train.steps) {
        checkpoints.check();
        const std::int64_t step = state.step;
        const double factor = schedule(step, job.train.steps, job.train.warmup);
        const std::span<const std::int64_t> batch = order.batch(step);
        const auto global = static_cast<std::int64_t>(batch.size());
        const Share share = share_of(global, comm.rank(), comm.size());
        for (const auto& [name, tensor] : parameters) tensor.mutable_grad() = at::Tensor();

        // One message of numbers: metric sums, the wish to stop, and which ranks have a loss that is no
        // number.
        std::vector<double> sums = job.gradients(
            step, batch.subspan(static_cast<std::size_t>(share.first), static_cast<std::size_t>(share.count)),
            global);
        sums.resize(job.metrics.size());
        const bool finite = std::all_of(sums.begin(), sums.end(), [](double x) { return std::isfinite(x); });
        const std::size_t stop_slot = sums.size();
        sums.push_back(context.stop_asked ? 1 : 0);
        sums.resize(sums.size() + ranks, 0.0);
        sums[stop_slot + 1 + static_cast<std::size_t>(comm.rank())] = finite ? 0 : 1;
        comm.all_reduce(std::span(sums));
        comm.all_reduce(gradient.gather());
        const double norm = gradient.norm();
        const std::span<const double> bad_ranks = std::span(sums).subspan(stop_slot + 1);
        if (!std::isfinite(norm) || std::accumulate(bad_ranks.begin(), bad_ranks.end(), 0.0) > 0) {
            report_not_finite(context, step, bad_ranks, gradient.culprit());
        }

        const double clip = job.train.clip > 0 && norm > job.train.clip ? job.train.clip / norm : 1;
        gradient.scatter(clip);
        set_rates(optimizer, job.groups, factor);
        optimizer.step();
        ++state.step;
        stand();

        const double loss = sums[0] / static_cast<double>(global);
        if (context.root()) {
            Json line{{"phase", job.phase}, {"step", step}, {"lr_factor", factor}, {"gradient_norm", norm}};
            for (std::size_t m = 0; m < job.metrics.size(); ++m) {
                line[job.metrics[m]] = sums[m] / static_cast<double>(global);
            }
            metrics->write(line.dump());
            progress->update(state.step, fmt::format("loss {:.3f}", loss));
        }
        const bool last = state.step == job.train.steps;
        const bool due = job.train.validate_every > 0 && state.step % job.train.validate_every == 0;
        if (job.validate && (last || due)) {
            const std::map<std::string, double> now = job.validate(state.step);
            if (context.root())
                metrics->write(Json{{"phase", job.phase}, {"step", state.step}, {"validation", now}}.dump());
            state.last = now;
            if (job.train.validate_every > 0 && better(now, state.best, job.best_by)) {
                state.best = now;
                state.best_parameters = copies(parameters);
            }
        }
        for (const std::string& line : job.lines) {
            if (context.root()) metrics->write(line);
        }
        job.lines.clear();
        const bool stop = !last && (sums[stop_slot] > 0 || state.step == context.common.stop_at);
        const bool save_due =
            context.common.checkpoint_every > 0 && state.step % context.common.checkpoint_every == 0;
        if (stop || (save_due && !last)) save();
        if (stop) {
            checkpoints.settle();
            return {false, state.last, elapsed()};
        }
    }
    if (!state.best_parameters.empty()) assign(parameters, state.best_parameters);
    LoopResult result{true, state.best.empty() ? state.last : state.best, elapsed()};
    if (context.root()) {
        metrics->sync();
        checkpoints.finish(result, metrics->bytes());
    }
    return result;
}

}  // namespace vtvc
