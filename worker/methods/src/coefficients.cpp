// Learned coefficients that do not look at the sample: aTLAS (one matrix for all data, arXiv 2407.02880) and
// one matrix a data set, the rival that is told the task.
#include <torch/torch.h>

#include "families.hpp"

namespace vtvc {

TrainedBy train_coefficients(RunContext& context, const BaselineJob& job, Problem& problem,
                             const std::string& phase) {
    const BankView& bank = problem.bank();
    const std::int64_t sets =
        job.method == Method::per_dataset ? static_cast<std::int64_t>(problem.tasks().size()) : 1;
    const double start =
        job.posterior.mean_start >= 0 ? job.posterior.mean_start : 1.0 / static_cast<double>(bank.tasks());
    at::Tensor z = torch::full({sets, bank.tasks(), bank.coefficients()}, start).set_requires_grad(true);

    LoopJob loop;
    loop.phase = phase;
    loop.train = job.train;
    loop.seed = static_cast<std::uint64_t>(job.common.seed);
    loop.rows = problem.train_rows();
    loop.groups = {{{{"z", z}}, job.train.lr, job.train.weight_decay}};
    loop.metrics = {"loss", "accuracy"};
    loop.best_by = job.select.by;
    loop.gradients = [&](std::int64_t, std::span<const std::int64_t> rows,
                         std::int64_t global) -> std::vector<double> {
        if (rows.empty()) return {0, 0};
        const Batch batch = problem.train_batch(rows);
        at::Tensor features;
        if (sets == 1) {  // merging once is the plain network's price
            PlainWeights weights(merge(bank, z[0]));
            features = problem.vit().forward(batch.images, weights);
        } else {
            const auto weights = make_composed(bank, z.index_select(0, batch.task));
            features = problem.vit().forward(batch.images, *weights);
        }
        const SampleLosses losses = sample_losses(problem, features, batch);
        (losses.cross_entropy.sum() / static_cast<double>(global)).backward();
        return {losses.cross_entropy.sum(at::kDouble).item<double>(), losses.correct.sum().item<double>()};
    };
    loop.validate = [&](std::int64_t) { return validate_method(problem, *make_fixed(z), context.comm); };
    TrainedBy trained;
    trained.result = run_loop(context, loop);
    trained.method = make_fixed(z);
    return trained;
}

}  // namespace vtvc
