// TIES merging (Yadav et al., NeurIPS 2023): trim each task vector to its largest entries, elect a sign for
// each entry by mass, average the entries that agree, scale. How much is kept and the scale are chosen on
// validation.
#include <torch/torch.h>

#include "families.hpp"

namespace vtvc {
namespace {

/// [K, N] → [N]
at::Tensor ties_vector(const at::Tensor& vectors, double keep) {
    const std::int64_t kept =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(keep * static_cast<double>(vectors.size(1))));
    const at::Tensor size = vectors.abs();
    const at::Tensor least = std::get<0>(size.topk(kept, 1)).slice(1, kept - 1, kept);  // [K, 1]
    const at::Tensor trimmed = vectors * (size >= least).to(vectors.scalar_type());
    const at::Tensor sign = trimmed.sum(0).sign();
    const at::Tensor agree = ((trimmed.sign() == sign) & (trimmed != 0)).to(vectors.scalar_type());
    return (trimmed * agree).sum(0) / agree.sum(0).clamp_min(1);
}

}  // namespace

TrainedBy train_ties(RunContext& context, const BaselineJob& job, Problem& problem) {
    const BankView& bank = problem.bank();
    std::vector<at::Tensor> parts;
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(bank.blocks().size()); ++j)
        parts.push_back(bank.tau(j));
    const at::Tensor vectors = torch::cat(parts, 1);
    TrainedBy best;
    for (const double keep : job.keep_grid) {
        const at::Tensor merged = ties_vector(vectors, keep);
        for (const double scale : job.scale_grid) {
            std::vector<at::Tensor> blocks;
            std::int64_t at = 0;
            for (std::size_t j = 0; j < bank.blocks().size(); ++j) {
                const std::int64_t size = bank.blocks()[j].elements();
                blocks.push_back(problem.base_blocks()[j] +
                                 scale * merged.narrow(0, at, size).view(bank.blocks()[j].shape));
                at += size;
            }
            TrainedBy trained;
            trained.method = make_merged(std::move(blocks));
            trained.result.validation = validate_method(problem, *trained.method, context.comm);
            trained.selected = {{"keep", keep}, {"scale", scale}};
            if (!best.method || trained.result.validation["accuracy"] > best.result.validation["accuracy"]) {
                best = std::move(trained);
            }
        }
    }
    return best;
}

}  // namespace vtvc
