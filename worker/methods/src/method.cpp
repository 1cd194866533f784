#include "vtvc/methods/method.hpp"

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "families.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/job_file.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

/// Families as method.h5 names them; a new one is a line here.
struct FamilyLoader {
    const char* name;
    std::unique_ptr<TrainedMethod> (*load)(const LoadedMethod&, const Problem&);
};
constexpr FamilyLoader families[] = {
    {"fixed", load_fixed}, {"merged", load_merged}, {"probe", load_probe}, {"amortised", load_amortised}};

std::string method_id_of(const PosteriorJob& job) {
    if (const auto* baseline = dynamic_cast<const BaselineJob*>(&job)) return name_of(baseline->method);
    if (job.posterior.family == Family::point) return "amortised";
    if (job.posterior.family == Family::gaussian) return "gaussian";
    if (job.protocol == Protocol::addition_blind) return "vtvc_blind";
    if (job.posterior.spike == Spike::coefficient) return "vtvc_coefficient";
    if (job.posterior.spike == Spike::layer) return "vtvc_layer";
    return "vtvc";
}

}  // namespace

at::Tensor plain_probabilities(const Problem& problem, std::int64_t task, const at::Tensor& images,
                               const std::vector<at::Tensor>& blocks) {
    PlainWeights weights(blocks);
    const at::Tensor features = problem.vit().forward(images, weights);
    return torch::softmax(problem.tasks()[static_cast<std::size_t>(task)].head.logits(features), 1);
}

at::Tensor composed_probabilities(const Problem& problem, std::int64_t task, const at::Tensor& images,
                                  const at::Tensor& z) {
    const auto weights = make_composed(problem.bank(), z);
    const at::Tensor features = problem.vit().forward(images, *weights);
    return torch::softmax(problem.tasks()[static_cast<std::size_t>(task)].head.logits(features), 1);
}

void for_each_chunk(const Problem& problem, std::int64_t task, const Rows& rows, Communicator& comm,
                    const std::function<void(const Batch&, std::int64_t, std::int64_t)>& body) {
    // Ranks take whole chunks, so that a row meets the same neighbours on any number of ranks.
    const std::int64_t chunks = (rows.count() + evaluation_chunk - 1) / evaluation_chunk;
    const Share share = share_of(chunks, comm.rank(), comm.size());
    for (std::int64_t c = share.first; c < share.first + share.count; ++c) {
        const std::int64_t first = c * evaluation_chunk;
        const std::int64_t valid = std::min(evaluation_chunk, rows.count() - first);
        std::vector<std::int64_t> index(static_cast<std::size_t>(evaluation_chunk), first);
        std::iota(index.begin(), index.begin() + valid, first);
        body(problem.batch_of(task, rows, index), valid, first);
    }
}

std::map<std::string, double> validate_method(const Problem& problem, const TrainedMethod& method,
                                              Communicator& comm) {
    const torch::NoGradGuard no_grad;
    const std::size_t tasks = problem.tasks().size();
    const std::vector<Mode> all = method.modes();
    std::vector<Mode> modes;
    for (const Mode mode : all) {
        if (mode != Mode::monte_carlo) modes.push_back(mode);
    }
    // A row of sums a task and mode: rows, correct, nll, non-zero share.
    std::vector<double> sums(tasks * modes.size() * 4, 0.0);
    for (std::size_t t = 0; t < tasks; ++t) {
        const auto task = static_cast<std::int64_t>(t);
        for_each_chunk(problem, task, problem.tasks()[t].validation, comm,
                       [&](const Batch& batch, std::int64_t valid, std::int64_t) {
                           for (std::size_t m = 0; m < modes.size(); ++m) {
                               const Answer answer = method.answer(problem, batch, modes[m], 1);
                               const at::Tensor p = answer.probabilities.narrow(0, 0, valid);
                               const at::Tensor labels = batch.labels.narrow(0, 0, valid);
                               double* sum = &sums[(t * modes.size() + m) * 4];
                               sum[0] += static_cast<double>(valid);
                               sum[1] += (p.argmax(1) == labels).sum().item<double>();
                               sum[2] -= p.gather(1, labels.unsqueeze(1))
                                             .clamp_min(1e-12)
                                             .log()
                                             .sum(at::kDouble)
                                             .item<double>();
                               if (answer.z.defined()) {
                                   const at::Tensor z = answer.z.narrow(0, 0, valid);
                                   sum[3] += (z != 0).to(at::kDouble).mean().item<double>() *
                                             static_cast<double>(valid);
                               }
                           }
                       });
    }
    comm.all_reduce(std::span(sums));
    std::map<std::string, double> result;
    for (std::size_t m = 0; m < modes.size(); ++m) {
        const std::string prefix = modes[m] == Mode::hard ? "hard_" : "";
        double accuracy = 0, nll = 0, nonzero = 0;
        for (std::size_t t = 0; t < tasks; ++t) {
            const double* sum = &sums[(t * modes.size() + m) * 4];
            accuracy += sum[1] / sum[0] / static_cast<double>(tasks);
            nll += sum[2] / sum[0] / static_cast<double>(tasks);
            nonzero += sum[3] / sum[0] / static_cast<double>(tasks);
        }
        result[prefix + "accuracy"] = accuracy;
        result[prefix + "nll"] = nll;
        if (modes[m] == Mode::hard) result["nonzero"] = nonzero;
    }
    return result;
}

void save_method(const std::filesystem::path& path, const PosteriorJob& job, const Problem& problem,
                 const TrainedBy& trained) {
    TensorFile file;
    file.kind = "method";
    trained.method->store(file);
    Json meta = Json::parse(file.meta);
    meta["family"] = trained.method->family();
    meta["method"] = method_id_of(job);
    meta["protocol"] = name_of(job.protocol);
    meta["seed"] = job.common.seed;
    meta["told"] = job.told();
    meta["partition"] = name_of(job.partition);
    meta["exclude"] = job.exclude;
    meta["bank_hash"] = problem.bank_hash();
    meta["base_hash"] = problem.base_hash();
    meta["task_names"] = problem.bank().task_names();
    for (const ProblemTask& task : problem.tasks()) {
        meta["datasets"].push_back({{"name", task.row.name},
                                    {"path", task.row.data},
                                    {"hash", task.dataset->hash()},
                                    {"head_hash", task.head.hash},
                                    {"head", name_of(task.head.kind)}});
    }
    meta["selected"] = trained.selected;
    meta["validation"] = trained.result.validation;
    if (trained.tangent) meta["tangent"] = trained.tangent->named();
    meta["train_rows"] = problem.train_rows();
    meta["job"] = resolved_toml(trained.job ? *trained.job : job);
    file.meta = meta.dump();
    file.write(path);
}

LoadedMethod open_method(const std::filesystem::path& path) {
    LoadedMethod loaded;
    loaded.file = TensorFile::read(path, "method");
    const Json meta = Json::parse(loaded.file.meta);
    std::unique_ptr<Job> job = parse_job(meta.at("job"), path.string());
    auto* posterior = dynamic_cast<PosteriorJob*>(job.get());
    if (posterior == nullptr)
        fail<StorageError>("{}: it was made by a job of kind {}", path.string(), job->kind());
    static_cast<void>(job.release());  // the same object goes on under its own type
    loaded.job.reset(posterior);
    loaded.meta = loaded.file.meta;
    loaded.hash = content_hash_of(path.string());
    loaded.bank_hash = meta.at("bank_hash");
    loaded.method_id = meta.at("method");
    return loaded;
}

std::unique_ptr<TrainedMethod> build_method(const LoadedMethod& loaded, const Problem& problem) {
    const Json meta = Json::parse(loaded.meta);
    if (problem.bank_hash() != loaded.bank_hash) {
        fail<StorageError>(
            "the method was trained on bank {}, here bank {} is used (its coefficients mean nothing "
            "there); give the bank it was trained on",
            loaded.bank_hash, problem.bank_hash());
    }
    const Json& datasets = meta.at("datasets");
    if (meta.at("family") != "merged" && problem.tasks().size() != datasets.size()) {
        fail<StorageError>("the method was trained for {} data sets, here are {}", datasets.size(),
                           problem.tasks().size());
    }
    for (std::size_t t = 0; t < std::min(problem.tasks().size(), datasets.size()); ++t) {
        const ProblemTask& task = problem.tasks()[t];
        if (!task.row.head.empty() && task.head.hash != datasets[t].at("head_hash")) {
            fail<StorageError>(
                "{}: this head is {}, the method was trained with {}; give the head it was trained with",
                task.row.head, task.head.hash, datasets[t].at("head_hash").get<std::string>());
        }
    }
    const std::string family = meta.at("family");
    for (const FamilyLoader& known : families) {
        if (family == known.name) return known.load(loaded, problem);
    }
    fail<StorageError>("method of unknown family '{}' (written by a newer vtvc?)", family);
}

}  // namespace vtvc
