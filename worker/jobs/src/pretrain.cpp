// kind = "pretrain": a base network that tells the classes of a data set apart with a cosine classifier,
// which is trained along (learned scale) and then dropped.
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "classify.hpp"
#include "kinds.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/training/model_files.hpp"

namespace vtvc {

bool run_pretrain(RunContext& context, const PretrainJob& job) {
    const Dataset dataset = Dataset::open(job.data);
    const ImageSet train(dataset, dataset.read(Split::train), job.model);
    const ImageSet validation(dataset, dataset.read(Split::validation), job.model);
    const Vit vit(job.model);
    const auto seed = static_cast<std::uint64_t>(job.common.seed);
    PlainWeights weights(vit.initialise(seed));

    at::Tensor classes = torch::empty({dataset.classes(), job.model.output});
    Stream random(seed, Purpose::initialise, 0xC1A55);
    for (float& value : std::span(classes.data_ptr<float>(), static_cast<std::size_t>(classes.numel()))) {
        value = static_cast<float>(random.normal());
    }
    at::Tensor log_scale = torch::full({1}, std::log(10.0));

    std::vector<std::pair<std::string, at::Tensor>> parameters;
    for (std::size_t j = 0; j < weights.blocks().size(); ++j) {
        parameters.emplace_back(vit.blocks()[j].name, weights.blocks()[j].set_requires_grad(true));
    }
    parameters.emplace_back("classifier", classes.set_requires_grad(true));
    parameters.emplace_back("log_scale", log_scale.set_requires_grad(true));
    constexpr double greatest_scale = 40;
    const Classifier classifier = [&](const at::Tensor& features) {
        const at::Tensor direction = features / features.norm(2, 1, true).clamp_min(1e-12);
        const at::Tensor rows = classes / classes.norm(2, 1, true).clamp_min(1e-12);
        return torch::matmul(direction, rows.t()) * log_scale.clamp_max(std::log(greatest_scale)).exp();
    };
    const LoopResult result = train_classifier(context, vit, weights, parameters, train, validation,
                                               classifier, job.train, job.augment, seed);
    if (!result.finished) return false;
    if (context.root()) {
        const nlohmann::json about{{"kind", "pretrain"},
                                   {"dataset", dataset.name()},
                                   {"dataset_hash", dataset.hash()},
                                   {"validation", result.validation}};
        save_model(context.path / "model.h5", vit, weights.blocks(), "", about.dump());
    }
    return true;
}

}  // namespace vtvc
