// kind = "finetune": a base network trained further on one data set, its head frozen.
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "classify.hpp"
#include "kinds.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/training/model_files.hpp"

namespace vtvc {

bool run_finetune(RunContext& context, const FinetuneJob& job) {
    ModelFile base = load_model(job.base);
    if (!base.base_hash.empty()) {
        fail<StorageError>(
            "{}: it is itself fine-tuned (from {}), not a base; task vectors are differences from one base",
            job.base, base.base_hash);
    }
    const Dataset dataset = Dataset::open(job.data);
    const Head head = load_head(job.head, base.hash);
    if (head.classes() != dataset.classes()) {
        fail<StorageError>("{}: the head tells {} classes apart, {} has {}", job.head, head.classes(),
                           job.data, dataset.classes());
    }
    const ModelKeys& keys = base.vit.keys();
    const ImageSet train(dataset, dataset.read(Split::train, job.window.first, job.window.count), keys);
    const ImageSet validation(dataset, dataset.read(Split::validation), keys);
    PlainWeights weights(base.blocks);
    std::vector<std::pair<std::string, at::Tensor>> parameters;
    for (std::size_t j = 0; j < weights.blocks().size(); ++j) {
        parameters.emplace_back(base.vit.blocks()[j].name, weights.blocks()[j].set_requires_grad(true));
    }
    const Classifier classifier = [&](const at::Tensor& features) { return head.logits(features); };
    const LoopResult result =
        train_classifier(context, base.vit, weights, parameters, train, validation, classifier, job.train,
                         job.augment, static_cast<std::uint64_t>(job.common.seed));
    if (!result.finished) return false;
    if (context.root()) {
        const nlohmann::json about{{"kind", "finetune"},
                                   {"dataset", dataset.name()},
                                   {"dataset_hash", dataset.hash()},
                                   {"head_hash", head.hash},
                                   {"validation", result.validation}};
        save_model(context.path / "model.h5", base.vit, weights.blocks(), base.hash, about.dump());
    }
    return true;
}

}  // namespace vtvc
