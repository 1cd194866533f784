// Linear probe: logistic regression on the base's standardised features, with every label the pipeline saw of
// the data set (baseline probe window). Full-batch Adam; weight decay chosen on validation. Every rank
// computes the same.
#include <fmt/format.h>
#include <torch/torch.h>

#include "families.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {

class Probe final : public TrainedMethod {
  public:
    Probe(std::vector<at::Tensor> weights, std::vector<at::Tensor> biases)
        : weights_(std::move(weights)), biases_(std::move(biases)) {}
    Answer answer(const Problem&, const Batch& batch, Mode, std::int64_t) const override {
        const torch::NoGradGuard no_grad;
        const auto t = static_cast<std::size_t>(batch.task[0].item<std::int64_t>());
        Answer answer;
        answer.probabilities = torch::softmax(torch::matmul(batch.features, weights_[t].t()) + biases_[t], 1);
        return answer;
    }
    void store(TensorFile& file) const override {
        for (std::size_t t = 0; t < weights_.size(); ++t) {
            file.tensors[fmt::format("weight/{}", t)] = to_host(weights_[t]);
            file.tensors[fmt::format("bias/{}", t)] = to_host(biases_[t]);
        }
    }
    std::string family() const override { return "probe"; }

  private:
    std::vector<at::Tensor> weights_, biases_;
};

struct Fit {
    at::Tensor weight, bias;
};

Fit fit(const at::Tensor& features, const at::Tensor& labels, std::int64_t classes, double decay) {
    const at::Tensor mean = features.mean(0), sd = features.std(0).clamp_min(1e-6);
    const at::Tensor x = (features - mean) / sd;
    at::Tensor weight = torch::zeros({classes, features.size(1)}).set_requires_grad(true);
    at::Tensor bias = torch::zeros({classes}).set_requires_grad(true);
    torch::optim::Adam optimizer({weight, bias}, torch::optim::AdamOptions(5e-2));
    constexpr int steps = 300;
    for (int step = 0; step < steps; ++step) {
        static_cast<torch::optim::AdamOptions&>(optimizer.param_groups()[0].options())
            .lr(5e-2 * schedule(step, steps, 10));
        optimizer.zero_grad();
        const at::Tensor loss =
            torch::nn::functional::cross_entropy(torch::matmul(x, weight.t()) + bias, labels) +
            decay * weight.square().sum();
        loss.backward();
        optimizer.step();
    }
    // Back to unstandardised features.
    const at::Tensor plain = weight.detach() / sd;
    return {plain, bias.detach() - torch::matmul(plain, mean)};
}

}  // namespace

std::unique_ptr<TrainedMethod> make_probe(std::vector<at::Tensor> weights, std::vector<at::Tensor> biases) {
    return std::make_unique<Probe>(std::move(weights), std::move(biases));
}

std::unique_ptr<TrainedMethod> load_probe(const LoadedMethod& loaded, const Problem& problem) {
    std::vector<at::Tensor> weights, biases;
    for (std::size_t t = 0; t < problem.tasks().size(); ++t) {
        weights.push_back(to_tensor(loaded.file.tensors.at(fmt::format("weight/{}", t))));
        biases.push_back(to_tensor(loaded.file.tensors.at(fmt::format("bias/{}", t))));
    }
    return make_probe(std::move(weights), std::move(biases));
}

TrainedBy train_probe(RunContext& context, const BaselineJob& job, Problem& problem) {
    std::vector<Rows> training;
    for (std::size_t t = 0; t < problem.tasks().size(); ++t) {
        training.push_back(problem.read(static_cast<std::int64_t>(t), Split::train, job.probe_window.first,
                                        job.probe_window.count));
    }
    TrainedBy best;
    for (const double decay : job.decay_grid) {
        std::vector<at::Tensor> weights, biases;
        for (std::size_t t = 0; t < training.size(); ++t) {
            const auto& labels = training[t].images.data().labels;
            const at::Tensor y = torch::tensor(std::vector<std::int64_t>(labels.begin(), labels.end()));
            const Fit fitted = fit(training[t].features, y, problem.tasks()[t].head.classes(), decay);
            weights.push_back(fitted.weight);
            biases.push_back(fitted.bias);
        }
        TrainedBy trained;
        trained.method = make_probe(std::move(weights), std::move(biases));
        trained.result.validation = validate_method(problem, *trained.method, context.comm);
        trained.selected["decay"] = decay;
        if (!best.method || trained.result.validation["accuracy"] > best.result.validation["accuracy"]) {
            best = std::move(trained);
        }
    }
    return best;
}

}  // namespace vtvc
