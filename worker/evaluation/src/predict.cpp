#include "vtvc/evaluation/predict.hpp"

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "collect.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/storage/idx.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

Split split_of(const std::string& name) {
    for (const Split split : {Split::train, Split::validation, Split::test}) {
        if (split_name(split) == name) return split;
    }
    fail<ConfigError>("unknown split '{}' (train, validation, test)", name);
}

/// Images of a dataset file's split, or of an IDX file. No labels are read.
ImageSet open_images(const PredictJob& job, const ModelKeys& model) {
    if (job.images.ends_with(".h5") || job.images.ends_with(".hdf5")) {
        const Dataset dataset = Dataset::open(job.images);
        SplitData rows = dataset.read(split_of(job.split));
        rows.labels.clear();
        return ImageSet(dataset, std::move(rows), model);
    }
    IdxArray array = read_idx(job.images);
    if (array.shape.size() < 3) {
        fail<StorageError>("{}: IDX with {} dimensions holds no images (3 or 4 are needed)", job.images,
                           array.shape.size());
    }
    SplitData rows;
    rows.images = std::move(array.values);
    rows.ids.resize(static_cast<std::size_t>(array.shape[0]));
    std::iota(rows.ids.begin(), rows.ids.end(), 0);
    return ImageSet(job.images, array.shape[1], array.shape[2], array.shape.size() == 4 ? array.shape[3] : 1,
                    std::move(rows), model);
}

std::string csv(const PredictionSet& set, const std::vector<std::string>& vectors) {
    std::string text = "id,class,probability,entropy_nats,epistemic_nats";
    for (const std::string& name : vectors) text += ",z_" + name;
    for (const std::string& name : vectors) text += ",inclusion_" + name;
    for (std::int64_t c = 0; c < set.classes; ++c) text += fmt::format(",p{}", c);
    text += '\n';
    for (std::int64_t i = 0; i < set.rows; ++i) {
        const float* p = &set.probabilities[static_cast<std::size_t>(i * set.classes)];
        const auto guess = std::max_element(p, p + set.classes) - p;
        double entropy = 0;
        for (std::int64_t c = 0; c < set.classes; ++c) entropy -= p[c] > 0 ? p[c] * std::log(p[c]) : 0;
        text += fmt::format("{},{},{:.6f},{:.6f},", set.ids[static_cast<std::size_t>(i)], guess, p[guess],
                            entropy);
        if (!set.epistemic.empty()) text += fmt::format("{:.6f}", set.epistemic[static_cast<std::size_t>(i)]);
        for (std::int64_t k = 0; k < set.tasks; ++k) {
            text += ',';
            if (set.coefficient_values.empty()) continue;
            const float* z =
                &set.coefficient_values[static_cast<std::size_t>((i * set.tasks + k) * set.coefficients)];
            text += fmt::format("{:.6f}", std::accumulate(z, z + set.coefficients, 0.0) /
                                              static_cast<double>(set.coefficients));
        }
        for (std::int64_t k = 0; k < set.tasks; ++k) {
            text += ',';
            if (!set.inclusion.empty())
                text += fmt::format("{:.6f}", set.inclusion[static_cast<std::size_t>(i * set.tasks + k)]);
        }
        for (std::int64_t c = 0; c < set.classes; ++c) text += fmt::format(",{:.6f}", p[c]);
        text += '\n';
    }
    return text;
}

}  // namespace

void run_predict(RunContext& context, const PredictJob& job) {
    const LoadedMethod loaded = open_method(job.method);
    const Json meta = Json::parse(loaded.meta);
    // The method knows its data sets by name and place; only the one asked for gets a head.
    std::vector<TaskRow> tasks;
    std::int64_t task = meta.at("datasets").size() == 1 ? 0 : -1;
    std::vector<std::string> names;
    for (const Json& dataset : meta.at("datasets")) {
        names.push_back(dataset.at("name"));
        if (names.back() == job.task) task = static_cast<std::int64_t>(tasks.size());
        TaskRow row;
        row.name = names.back();
        tasks.push_back(row);
    }
    if (task < 0) {
        fail<ConfigError>(
            "predict.task is '{}', the method knows {}; name the data set whose head is to answer", job.task,
            fmt::join(names, ", "));
    }
    tasks[static_cast<std::size_t>(task)].head = job.head;
    const Problem problem(job.bank, loaded.job->exclude, loaded.job->partition, tasks);
    const std::unique_ptr<TrainedMethod> method = build_method(loaded, problem);

    Rows rows;
    rows.images = open_images(job, problem.vit().keys());
    if (rows.count() == 0) fail<StorageError>("{}: no images in it", job.images);
    rows.features = problem.base_features(rows.images);
    PredictionsContents contents;
    contents.task_names = problem.bank().task_names();
    contents.coefficient_names = problem.bank().partition().names;
    for (const Mode mode : method->modes()) {
        contents.sets.push_back(collect(problem, task, rows, *method, mode, job.samples, context.comm));
    }
    if (!context.root()) return;
    contents.meta = Json{{"method", loaded.method_id},
                         {"method_hash", loaded.hash},
                         {"bank_hash", problem.bank_hash()},
                         {"protocol", meta.at("protocol")},
                         {"seed", meta.at("seed")},
                         {"images", job.images},
                         {"head", name_of(problem.tasks()[static_cast<std::size_t>(task)].head.kind)},
                         {"task", names[static_cast<std::size_t>(task)]}}
                        .dump();
    write_predictions(context.path / "predictions.h5", contents);
    PredictionSet first = contents.sets.front();
    if (contents.sets.back().epistemic.size() == static_cast<std::size_t>(first.rows))
        first.epistemic = contents.sets.back().epistemic;
    write_atomically(context.path / "predictions.csv", csv(first, contents.task_names));
    say(fmt::format("{} images: {}", first.rows, (context.path / "predictions.csv").string()));
}

}  // namespace vtvc
