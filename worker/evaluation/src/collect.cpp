#include "collect.hpp"

#include <torch/torch.h>

namespace vtvc {
namespace {

void append(std::vector<float>& to, const at::Tensor& tensor, std::int64_t valid) {
    const at::Tensor plain = tensor.narrow(0, 0, valid).to(at::kFloat).contiguous();
    to.insert(to.end(), plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel());
}

std::vector<float> gather(Communicator& comm, const std::vector<float>& mine) {
    std::vector<float> all;
    for (const auto& part : comm.all_gather(std::as_bytes(std::span(mine)))) {
        const auto* values = reinterpret_cast<const float*>(part.data());
        all.insert(all.end(), values, values + part.size() / sizeof(float));
    }
    return all;
}

}  // namespace

PredictionSet collect(const Problem& problem, std::int64_t task, const Rows& rows,
                      const TrainedMethod& method, Mode mode, std::int64_t samples, Communicator& comm) {
    PredictionSet set;
    set.dataset = problem.tasks()[static_cast<std::size_t>(task)].row.name;
    set.mode = name_of(mode);
    set.rows = rows.count();
    set.ids = rows.images.data().ids;
    set.subdomains = rows.images.data().subdomains;
    set.tasks = problem.bank().tasks();
    set.coefficients = problem.bank().coefficients();
    const bool keep_coefficients = set.rows * set.tasks * set.coefficients * 4 <= coefficient_bytes_limit;
    const std::int64_t gate_rows = std::min<std::int64_t>(evaluation_chunk, set.rows);
    for_each_chunk(problem, task, rows, comm,
                   [&](const Batch& batch, std::int64_t valid, std::int64_t first) {
                       const Answer answer = method.answer(problem, batch, mode, samples);
                       set.classes = answer.probabilities.size(1);
                       append(set.probabilities, answer.probabilities, valid);
                       if (answer.epistemic.defined()) append(set.epistemic, answer.epistemic, valid);
                       if (answer.z.defined() && keep_coefficients)
                           append(set.coefficient_values, answer.z, valid);
                       if (answer.inclusion.defined()) append(set.inclusion, answer.inclusion, valid);
                       if (answer.mean.defined() && first < gate_rows) {
                           append(set.mean, answer.mean, gate_rows);
                           append(set.uncertainty, answer.uncertainty, gate_rows);
                       }
                   });
    for (auto* values : {&set.probabilities, &set.epistemic, &set.coefficient_values, &set.inclusion,
                         &set.mean, &set.uncertainty}) {
        *values = gather(comm, *values);
    }
    std::int64_t classes = set.classes;  // a rank may have had no chunk
    comm.all_reduce(std::span(&classes, 1), Reduce::max);
    set.classes = classes;
    set.gate_rows = set.mean.empty() ? 0 : gate_rows;
    return set;
}

std::vector<float> collect_with(const Problem& problem, std::int64_t task, const Rows& rows,
                                const at::Tensor& z, Communicator& comm) {
    const torch::NoGradGuard no_grad;
    std::vector<float> probabilities;
    for_each_chunk(problem, task, rows, comm,
                   [&](const Batch& batch, std::int64_t valid, std::int64_t first) {
                       at::Tensor own = z.narrow(0, first, valid);
                       if (valid < batch.size())
                           own = torch::cat({own, own[0].expand({batch.size() - valid, -1, -1})});
                       append(probabilities, composed_probabilities(problem, task, batch.images, own), valid);
                   });
    return gather(comm, probabilities);
}

}  // namespace vtvc
