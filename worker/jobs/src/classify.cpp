#include "classify.hpp"

#include <torch/torch.h>

#include <numeric>

#include "vtvc/methods/problem.hpp"

namespace vtvc {

std::map<std::string, double> judge_classifier(Communicator& comm, const Vit& vit, PlainWeights& weights,
                                               const ImageSet& rows, const Classifier& classifier) {
    const torch::NoGradGuard no_grad;
    std::array<double, 3> sums{};  // rows, correct, nll
    const std::int64_t chunks = (rows.rows() + feature_chunk - 1) / feature_chunk;
    const Share share = share_of(chunks, comm.rank(), comm.size());
    for (std::int64_t c = share.first; c < share.first + share.count; ++c) {
        const std::int64_t first = c * feature_chunk, valid = std::min(feature_chunk, rows.rows() - first);
        std::vector<std::int64_t> index(static_cast<std::size_t>(valid));
        std::iota(index.begin(), index.end(), first);
        const at::Tensor logits = classifier(vit.forward(rows.images(index), weights));
        const at::Tensor labels = rows.labels(index);
        sums[0] += static_cast<double>(valid);
        sums[1] += (logits.argmax(1) == labels).sum().item<double>();
        sums[2] +=
            torch::nn::functional::cross_entropy(
                logits, labels, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
                .item<double>();
    }
    comm.all_reduce(std::span<double>(sums));
    return {{"accuracy", sums[1] / sums[0]}, {"nll", sums[2] / sums[0]}};
}

LoopResult train_classifier(RunContext& context, const Vit& vit, PlainWeights& weights,
                            const std::vector<std::pair<std::string, at::Tensor>>& parameters,
                            const ImageSet& train, const ImageSet& validation, const Classifier& classifier,
                            const TrainKeys& keys, const AugmentKeys& augment, std::uint64_t seed) {
    LoopJob loop;
    loop.train = keys;
    loop.seed = seed;
    loop.rows = train.rows();
    loop.groups = decay_matrices_only(parameters, keys.lr, keys.weight_decay);
    loop.metrics = {"loss", "accuracy"};
    loop.gradients = [&](std::int64_t step, std::span<const std::int64_t> rows,
                         std::int64_t global) -> std::vector<double> {
        if (rows.empty()) return {0, 0};
        const at::Tensor images = train.augmented(rows, augment, seed, step);
        const at::Tensor labels = train.labels(rows);
        const at::Tensor logits = classifier(vit.forward(images, weights));
        const at::Tensor loss = torch::nn::functional::cross_entropy(
            logits, labels, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
        (loss / static_cast<double>(global)).backward();
        return {loss.item<double>(), (logits.argmax(1) == labels).sum().item<double>()};
    };
    if (validation.rows() > 0) {
        loop.validate = [&](std::int64_t) {
            return judge_classifier(context.comm, vit, weights, validation, classifier);
        };
    }
    return run_loop(context, loop);
}

}  // namespace vtvc
