#include "vtvc/evaluation/evaluate.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "collect.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/metrics.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

Mode mode_of(const std::string& name) {
    for (std::size_t i = 0; i < EnumNames<Mode>::names.size(); ++i) {
        if (EnumNames<Mode>::names[i] == name) return static_cast<Mode>(i);
    }
    fail<ConfigError>("unknown evaluation mode '{}'", name);
}

/// Of the run that made the method, from the file beside it; null where a method file came alone.
Json train_seconds(const std::string& method) {
    const std::filesystem::path beside = std::filesystem::path(method).parent_path() / "result.json";
    if (!std::filesystem::exists(beside)) return nullptr;
    return Json::parse(read_text(beside)).value("train_seconds", Json());
}

double mean_nll(const PredictionSet& set) {
    double sum = 0;
    for (std::int64_t i = 0; i < set.rows; ++i) {
        const float p = set.probabilities[static_cast<std::size_t>(i * set.classes +
                                                                   set.labels[static_cast<std::size_t>(i)])];
        sum -= std::log(std::max(static_cast<double>(p), 1e-12));
    }
    return sum / static_cast<double>(set.rows);
}

double accuracy(const PredictionSet& set) {
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < set.rows; ++i) {
        const float* p = &set.probabilities[static_cast<std::size_t>(i * set.classes)];
        right += std::max_element(p, p + set.classes) - p == set.labels[static_cast<std::size_t>(i)];
    }
    return static_cast<double>(right) / static_cast<double>(set.rows);
}

double nonzero_share(const PredictionSet& set) {
    if (set.coefficient_values.empty()) return 1;
    const auto zeros = std::count(set.coefficient_values.begin(), set.coefficient_values.end(), 0.0F);
    return 1 - static_cast<double>(zeros) / static_cast<double>(set.coefficient_values.size());
}

/// Does per sample matter? The same rows with z averaged over the data set, and with another sample's z.
void add_diagnostics(std::vector<PredictionSet>& sets, const Problem& problem, std::int64_t task,
                     const Rows& rows, PredictionSet plain, Communicator& comm) {
    if (plain.coefficient_values.empty()) return;
    const at::Tensor z =
        torch::tensor(plain.coefficient_values).view({plain.rows, plain.tasks, plain.coefficients});
    std::vector<std::int64_t> other(static_cast<std::size_t>(plain.rows));
    std::iota(other.begin(), other.end(), 0);
    Stream random(0, Purpose::subset, 0, 0);
    for (std::size_t i = other.size(); i > 1; --i) std::swap(other[i - 1], other[random.below(i)]);
    const std::pair<const char*, at::Tensor> variants[] = {
        {"averaged", z.mean(0, true).expand_as(z)}, {"shuffled", z.index_select(0, torch::tensor(other))}};
    plain.inclusion.clear();
    plain.mean.clear();
    plain.uncertainty.clear();
    plain.coefficient_values.clear();
    plain.epistemic.clear();
    plain.gate_rows = 0;
    for (const auto& [name, replaced] : variants) {
        PredictionSet set = plain;
        set.mode = name;
        set.probabilities = collect_with(problem, task, rows, replaced, comm);
        sets.push_back(std::move(set));
    }
}

}  // namespace

void run_evaluate(RunContext& context, const EvaluateJob& job) {
    const LoadedMethod loaded = open_method(job.method);
    Problem problem(job.bank, loaded.job->exclude, loaded.job->partition, job.tasks);
    const std::unique_ptr<TrainedMethod> method = build_method(loaded, problem);
    const std::vector<Mode> able = method->modes();
    std::string id = job.method_id.empty() ? loaded.method_id : job.method_id;

    PredictionsContents contents;
    contents.task_names = problem.bank().task_names();
    contents.coefficient_names = problem.bank().partition().names;
    for (std::size_t t = 0; t < problem.tasks().size(); ++t) {
        const auto task = static_cast<std::int64_t>(t);
        const Rows rows = problem.read(task, Split::test, 0, job.test_rows);
        const std::vector<std::int32_t> labels = read_test_labels(job.tasks[t].data, 0, rows.count());
        for (const std::string& name : job.modes) {
            const Mode mode = mode_of(name);
            if (std::find(able.begin(), able.end(), mode) == able.end())
                continue;  // a fixed method has one answer
            PredictionSet set = collect(problem, task, rows, *method, mode, job.samples, context.comm);
            set.labels = labels;
            if (context.root()) {
                say(fmt::format("{} {} {}: accuracy {:.4f}, nll {:.4f}, non-zero {:.0f} %", id, set.dataset,
                                name, accuracy(set), mean_nll(set), 100 * nonzero_share(set)));
            }
            contents.sets.push_back(set);
            if (job.diagnostics && mode == Mode::mean) {
                add_diagnostics(contents.sets, problem, task, rows, std::move(set), context.comm);
            }
        }
    }
    if (contents.sets.empty()) {
        fail<ConfigError>("method {} has none of the modes {} asked for (evaluate.modes)", id,
                          fmt::join(job.modes, ", "));
    }
    if (!context.root()) return;
    const Json from = Json::parse(loaded.meta);
    Json meta{{"protocol", from["protocol"]},
              {"method", id},
              {"seed", from["seed"]},
              {"told", from["told"]},
              {"partition", from["partition"]},
              {"family", from["family"]},
              {"selected", from["selected"]},
              {"validation", from["validation"]},
              {"train_seconds", train_seconds(job.method)},
              {"train_rows", from["train_rows"]},
              {"exclude", from["exclude"]},
              {"bank_hash", problem.bank_hash()},
              {"method_hash", loaded.hash},
              {"method_path", job.method},
              {"settings_toml", from["job"]}};
    for (const ProblemTask& task : problem.tasks()) {
        meta["datasets"].push_back({{"name", task.row.name},
                                    {"path", task.row.data},
                                    {"hash", task.dataset->hash()},
                                    {"head", name_of(task.head.kind)},
                                    {"head_hash", task.head.hash},
                                    {"classes", task.dataset->class_names()},
                                    {"subdomains", task.dataset->subdomain_names()}});
    }
    const GateKeys& gate = loaded.job->gate;
    meta["gate"] = {{"on", name_of(gate.on)}, {"threshold", gate.threshold}, {"beta", gate.beta}};
    contents.meta = meta.dump();
    write_predictions(context.path / "predictions.h5", contents);
    Json summary = Json::array();
    for (const PredictionSet& set : contents.sets) {
        summary.push_back({{"dataset", set.dataset},
                           {"mode", set.mode},
                           {"accuracy", accuracy(set)},
                           {"nll", mean_nll(set)},
                           {"nonzero", nonzero_share(set)},
                           {"rows", set.rows}});
    }
    write_atomically(context.path / "evaluation.json", Json{{"method", id}, {"sets", summary}}.dump(2));
}

}  // namespace vtvc
