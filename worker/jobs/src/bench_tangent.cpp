// Posterior training on a Jacobian file's rows against training through the composed network.
#include <torch/torch.h>

#include <algorithm>

#include "bench_parts.hpp"
#include "vtvc/methods/step.hpp"
#include "vtvc/models/vit.hpp"
#include "vtvc/tangent/stored.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t classes = 10;
/// Rows of the cache: several times what the processor's own caches hold, as in a real run.
constexpr std::int64_t cache_bytes = std::int64_t{200} << 20;

/// What a derivative is does not change what its product costs: random numbers.
StoredTangent random_tangent(const BankView& bank) {
    JacobianAbout about{
        {"", "", "", "", "tensor", bank.task_names()},
        bank.partition().names,
        classes,
        JacobianStore::f32,
        std::vector<float>(static_cast<std::size_t>(bank.tasks() * bank.coefficients()), .1F)};
    const std::int64_t rows = std::clamp<std::int64_t>(cache_bytes / about.row_bytes(), 64, 1 << 16);
    JacobianRows made;
    made.rows = rows;
    made.ids.resize(static_cast<std::size_t>(rows));
    made.logits.resize(static_cast<std::size_t>(rows * classes));
    const at::Tensor values = torch::randn({rows, about.numbers()}) * .1;
    const auto bytes =
        std::as_bytes(std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));
    made.numbers.assign(bytes.begin(), bytes.end());
    return {about, std::move(made)};
}

struct Trained {
    Posterior posterior;
    torch::optim::AdamW optimizer;
    std::int64_t step = 0;
    explicit Trained(const PosteriorSettings& settings)
        : posterior(settings), optimizer(posterior->parameters(), torch::optim::AdamWOptions(1e-3)) {
        posterior->train();
    }
    void run(const Batch& batch, const LossesOf& losses_of) {
        optimizer.zero_grad();
        posterior_step(posterior, batch, step++, batch.size(), losses_of);
        optimizer.step();
    }
};

}  // namespace

TangentRatio tangent_speedup(const BenchJob& job, const BankView& bank, Clock clock,
                             const std::function<void(Interleaved&, const char*)>& measure) {
    const Vit vit(job.model);
    const at::Tensor images = torch::randn({job.batch, job.model.channels, job.model.image, job.model.image});
    const at::Tensor head = torch::randn({classes, job.model.output}) * .05;
    const StoredTangent tangent = random_tangent(bank);
    PosteriorSettings settings;
    settings.features = job.model.output;
    settings.vectors = bank.tasks();
    settings.partition = bank.partition();
    Batch batch;
    batch.features = torch::randn({job.batch, job.model.output});
    batch.task = torch::zeros({job.batch}, at::kLong);
    batch.labels = torch::randint(classes, {job.batch}, at::kLong);
    for (std::int64_t i = 0; i < job.batch; ++i) batch.ids.push_back(i);
    const auto losses = [&](const at::Tensor& logits) -> SampleLosses {
        return {-torch::log_softmax(logits, 1).gather(1, batch.labels.unsqueeze(1)).squeeze(1),
                (logits.argmax(1) == batch.labels).to(at::kFloat)};
    };

    Trained exact(settings), linear(settings);
    Interleaved rounds(clock);
    const std::size_t through = rounds.add([&] {
        exact.run(batch, [&](const at::Tensor& z) {
            return losses(torch::matmul(vit.forward(images, *make_composed(bank, z)), head.t()));
        });
    });
    // A step is short beside the clock's grain and what the step before left in the caches: many, each on
    // other rows.
    constexpr std::int64_t steps = 20;
    const std::size_t cached = rounds.add([&] {
        for (std::int64_t s = 0; s < steps; ++s)
            linear.run(batch, [&](const at::Tensor& z) {
                const at::Tensor rows = torch::randint(tangent.rows(), {job.batch}, at::kLong);
                const auto* first = rows.data_ptr<std::int64_t>();
                return losses(tangent.logits(std::span(first, static_cast<std::size_t>(job.batch)), z));
            });
    });
    measure(rounds, "tangent_speedup");
    return {rounds.ratio(through, cached) * static_cast<double>(steps),
            static_cast<double>(steps * job.batch) / rounds.seconds(cached), tangent.row_bytes()};
}

}  // namespace vtvc
