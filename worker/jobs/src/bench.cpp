// What composition costs over the plain network: single products, forward passes, training steps. Each number
// is a median over rounds in which everything ran once.
#include <torch/torch.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench_parts.hpp"
#include "kinds.hpp"
#include "vtvc/composition/composed.hpp"
#include "vtvc/composition/engine.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/composition/settings.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {
namespace {

using Json = nlohmann::ordered_json;

class Bench {
  public:
    Bench(RunContext& context, const BenchJob& job)
        : context_(context),
          job_(job),
          threads_(context.common.threads),
          clock_(threads_ == 1 ? Clock::processor : Clock::wall),
          tokens_(job.model.tokens()) {
        json_["isa"] = engine_isa();
        json_["threads"] = threads_;
        json_["clock"] = clock_ == Clock::wall ? "wall" : "processor";
        json_["samples"] = job.batch;
        json_["tokens"] = tokens_;
        json_["tasks"] = job.tasks;
        json_["width"] = job.model.width;
        json_["mlp"] = job.model.mlp;
        json_["depth"] = job.model.depth;
        json_["repetitions"] = job.repetitions;
    }

    bool run() {
        const std::int64_t width = job_.model.width, mlp = job_.model.mlp;
        products(width, width, "");
        std::vector<std::string> shapes{""};
        if (mlp != width) {
            products(width, mlp, "_up");
            products(mlp, width, "_down");
            shapes.insert(shapes.end(), {"_up", "_down"});
        }
        for (const std::int64_t active : cases()) {
            double worst = 0;
            for (const std::string& shape : shapes)
                worst = std::max(worst, json_.value(key("linear", active) + shape, 0.));
            json_[key("linear", active) + "_worst"] = worst;
        }
        if (threads_ == 2) scaling();
        if (job_.whole_network && !stopped()) network();
        if (stopped()) return false;
        if (context_.root()) {
            write_atomically(context_.path / "bench.json", json_.dump(1) + "\n");
            say(json_.dump(1));
        }
        return true;
    }

  private:
    bool stopped() const { return context_.stop_asked; }
    std::vector<std::int64_t> cases() const { return {job_.tasks, job_.active, 0}; }
    std::string key(const char* what, std::int64_t active) const {
        return fmt::format("{}_{}of{}", what, active, job_.tasks);
    }
    void measure(Interleaved& rounds, const char* what) {
        if (context_.root()) say(fmt::format("{} …", what));
        rounds.measure(job_.repetitions, [this] { return stopped(); });
    }
    /// Of the plain ways, the one that took least; names it in the result.
    std::size_t fastest(const Interleaved& rounds, std::size_t blas, std::size_t own,
                        const std::string& what) {
        const bool by_blas = rounds.seconds(blas) <= rounds.seconds(own);
        json_["plain_" + what] = by_blas ? "torch's BLAS" : "the engine's own plain product";
        return by_blas ? blas : own;
    }

    /// One weight matrix, forward.
    void products(std::int64_t inputs, std::int64_t outputs, const std::string& suffix) {
        const at::NoGradGuard evaluation;
        ProductRounds product(clock_, job_.batch, tokens_, inputs, outputs);
        std::vector<std::pair<std::string, std::size_t>> composed;
        for (const std::int64_t active : cases())
            composed.emplace_back(key("linear", active) + suffix, product.add(job_.tasks, active));
        if (suffix.empty())
            for (const StorageKind kind : {StorageKind::bf16, StorageKind::int8})
                composed.emplace_back(key(std::string(name_of(kind)).c_str(), job_.tasks),
                                      product.add(job_.tasks, job_.tasks, kind));
        const std::string what = fmt::format("linear_{}x{}", outputs, inputs);
        measure(product.rounds(), what.c_str());
        for (const auto& [name, candidate] : composed) json_[name] = product.ratio(candidate);
        json_["plain_" + what] = product.fastest_name();
        json_["plain_" + what + "_gflops"] = product.plain_gflops();
    }

    /// Our speed-up from one to two threads over the plain product's.
    void scaling() {
        const at::NoGradGuard evaluation;
        const std::int64_t width = job_.model.width;
        const at::Tensor base = torch::randn({width, width}) * .03;
        const BankView bank = random_bank({{"weight", {width, width}}}, {base}, job_.tasks);
        const at::Tensor x = torch::randn({job_.batch, tokens_, width});
        const at::Tensor z = random_coefficients(job_.batch, job_.tasks, 1, job_.tasks);
        Interleaved rounds(Clock::wall);
        const auto with = [&](std::int64_t threads, auto work) {
            return rounds.add([threads, work] {
                use_threads(threads);
                work();
            });
        };
        const auto ours = [&] { make_composed(bank, z)->linear(x, 0, -1); };
        const auto plain = [&] { at::mm(x.view({-1, width}), base.t()); };
        const std::size_t ours_1 = with(1, ours), ours_2 = with(2, ours), plain_1 = with(1, plain),
                          plain_2 = with(2, plain);
        measure(rounds, "scale_threads_2");
        use_threads(threads_);
        json_["scale_threads_2"] = rounds.ratio(ours_1, ours_2, plain_1, plain_2);
    }

    void network() {
        const Vit vit(job_.model);
        const std::vector<at::Tensor> base = vit.initialise(static_cast<std::uint64_t>(context_.common.seed));
        const BankView bank = random_bank(vit.blocks(), base, job_.tasks);
        const at::Tensor images =
            torch::randn({job_.batch, job_.model.channels, job_.model.image, job_.model.image});
        const at::Tensor slope = torch::randn({job_.batch, job_.model.output});
        PlainWeights plain(base);
        const auto blocks = static_cast<std::int64_t>(bank.coefficients());
        const std::vector<std::int64_t> composed{job_.tasks, job_.active};

        Interleaved forward(clock_);
        const std::size_t blas = forward.add([&] { vit.forward(images, plain); }), own = forward.add([&] {
            const at::NoGradGuard evaluation;
            vit.forward(images, plain);
        });
        std::vector<std::size_t> ours;
        for (const std::int64_t active : composed) {
            const at::Tensor z = random_coefficients(job_.batch, job_.tasks, blocks, active);
            ours.push_back(forward.add([&, z] {
                const at::NoGradGuard evaluation;
                vit.forward(images, *make_composed(bank, z));
            }));
        }
        measure(forward, "forward");
        const std::size_t least = fastest(forward, blas, own, "forward");
        for (std::size_t i = 0; i < composed.size(); ++i)
            json_[key("forward", composed[i])] = forward.ratio(ours[i], least);

        // A plain step goes back to the images and has no gradients of weights; a composed one goes back to
        // z, and with few active coefficients it makes the gradients of those.
        Interleaved step(clock_);
        const std::size_t plain_step = step.add([&] {
            const at::Tensor x = images.detach().requires_grad_();
            (vit.forward(x, plain) * slope).sum().backward();
        });
        ours.clear();
        for (const std::int64_t active : composed) {
            const at::Tensor z = random_coefficients(job_.batch, job_.tasks, blocks, active);
            const Gradients gradients = active == job_.tasks ? Gradients::all : Gradients::active;
            ours.push_back(step.add([&, z, gradients] {
                const at::Tensor own_z = z.detach().requires_grad_();
                const auto weights = make_composed(bank, own_z, Scheme::automatic, gradients);
                (vit.forward(images, *weights) * slope).sum().backward();
            }));
        }
        // The same with all active, ∂z from products in bf16.
        const at::Tensor z = random_coefficients(job_.batch, job_.tasks, blocks, job_.tasks);
        const std::size_t rounded = step.add([&, z] {
            composition_settings().gradient_products = Products::bf16;
            const at::Tensor own_z = z.detach().requires_grad_();
            const auto weights = make_composed(bank, own_z);
            (vit.forward(images, *weights) * slope).sum().backward();
            composition_settings().gradient_products = Products::f32;
        });
        measure(step, "step");
        json_["plain_step"] = "torch's BLAS";
        for (std::size_t i = 0; i < composed.size(); ++i)
            json_[key("step", composed[i])] = step.ratio(ours[i], plain_step);
        if (has_bf16_products() && engine_isa() == "avx512")
            json_[key("step", job_.tasks) + "_bf16"] = step.ratio(rounded, plain_step);
        if (!stopped()) json_["memory"] = memory_ratio(job_, bank, base);
        if (!stopped()) {
            const TangentRatio tangent = tangent_speedup(
                job_, bank, clock_, [this](Interleaved& rounds, const char* what) { measure(rounds, what); });
            json_["tangent_speedup"] = tangent.speedup;
            json_["tangent_samples_per_second"] = tangent.samples_per_second;
            json_["tangent_row_bytes"] = tangent.row_bytes;
        }
        json_["packed_copies"] = bank.packed_copies();
        json_["packed_bytes"] = bank.packed_bytes();
    }

    RunContext& context_;
    const BenchJob& job_;
    std::int64_t threads_;
    Clock clock_;
    std::int64_t tokens_;
    Json json_;
};

}  // namespace

bool run_bench(RunContext& context, const BenchJob& job) {
    use_engine_isa(job.isa);
    torch::manual_seed(static_cast<std::uint64_t>(context.common.seed));
    use_threads(context.common.threads);
    const bool finished = Bench(context, job).run();
    use_engine_isa("");
    return finished;
}

}  // namespace vtvc
