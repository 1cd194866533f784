// What a job asks for, by name; and the choice of settings on validation data, the same way for every method.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "families.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/progress.hpp"

namespace vtvc {
namespace {

struct Candidate {
    std::map<std::string, double> values;
    void apply(PosteriorJob& job) const {
        for (const auto& [key, value] : values) {
            if (key == "inclusion") job.prior.inclusion = value;
            if (key == "lr") job.train.lr = value;
            if (key == "lambda_mean") job.prior.lambda_mean = value;
        }
    }
};

std::vector<Candidate> candidates(const SelectKeys& select) {
    std::vector<Candidate> grid{{}};
    const auto cross = [&](const std::string& key, const std::vector<double>& values) {
        if (values.empty()) return;
        std::vector<Candidate> next;
        for (const Candidate& old : grid) {
            for (const double value : values) {
                next.push_back(old);
                next.back().values[key] = value;
            }
        }
        grid = std::move(next);
    };
    cross("inclusion", select.inclusion);
    cross("lr", select.lr);
    cross("lambda_mean", select.lambda_mean);
    return grid;
}

/// What the run behind a method file chose.
Candidate choice_of(const std::string& path) {
    const nlohmann::json meta = nlohmann::json::parse(open_method(path).meta);
    return {meta.at("selected").get<std::map<std::string, double>>()};
}

std::string describe(const Candidate& candidate) {
    std::string text;
    for (const auto& [key, value] : candidate.values)
        text += fmt::format("{}{} {:g}", text.empty() ? "" : ", ", key, value);
    return text.empty() ? "as given" : text;
}

std::unique_ptr<PosteriorJob> copy_of(const PosteriorJob& job) {
    const auto* baseline = dynamic_cast<const BaselineJob*>(&job);
    if (baseline == nullptr) return std::make_unique<PosteriorJob>(job);
    auto copy = std::make_unique<BaselineJob>(*baseline);
    if (copy->method == Method::amortised) copy->posterior.family = Family::point;
    if (copy->method == Method::gaussian) copy->posterior.family = Family::gaussian;
    return copy;
}

TrainedBy train_once(RunContext& context, const PosteriorJob& job, Problem& problem,
                     const std::string& phase) {
    const auto* baseline = dynamic_cast<const BaselineJob*>(&job);
    if (baseline == nullptr) return train_amortised(context, job, problem, phase);
    switch (baseline->method) {
        case Method::zero_shot:
        case Method::average:
        case Method::individual:
            return make_untrained(context, *baseline, problem);
        case Method::task_arithmetic:
            return train_arithmetic(context, *baseline, problem);
        case Method::ties:
            return train_ties(context, *baseline, problem);
        case Method::probe:
            return train_probe(context, *baseline, problem);
        case Method::atlas:
        case Method::per_dataset:
            return train_coefficients(context, *baseline, problem, phase);
        case Method::amortised:
        case Method::gaussian:
            return train_amortised(context, job, problem, phase);
    }
    fail<ConfigError>("unknown method");
}

}  // namespace

TrainedBy train_method(RunContext& context, const PosteriorJob& job, Problem& problem) {
    const std::vector<Candidate> grid =
        job.select.from.empty() ? candidates(job.select) : std::vector<Candidate>{choice_of(job.select.from)};
    const std::int64_t steps = job.select.steps > 0 ? job.select.steps : job.train.steps;
    TrainedBy best;
    std::size_t chosen = 0;
    if (grid.size() > 1) {
        LoopResult best_result;
        double seconds = 0;
        for (std::size_t i = 0; i < grid.size(); ++i) {
            const std::string phase = fmt::format("select{}", i);
            TrainedBy trained;
            if (const auto finished = finished_phase(context, phase)) {
                trained.result = *finished;  // an earlier attempt trained it; its parameters are not kept
            } else {
                const std::unique_ptr<PosteriorJob> candidate = copy_of(job);
                grid[i].apply(*candidate);
                candidate->train.steps = steps;
                trained = train_once(context, *candidate, problem, phase);
            }
            if (!trained.result.finished) return trained;
            seconds += trained.result.seconds;
            if (context.root()) {
                say(fmt::format("{}: {}: validation accuracy {:.4f}, nll {:.4f}", phase, describe(grid[i]),
                                trained.result.validation.at("accuracy"),
                                trained.result.validation.at("nll")));
            }
            if (i == 0 || better(trained.result.validation, best_result.validation, job.select.by)) {
                best_result = trained.result;
                chosen = i;
                best = std::move(trained);
            }
        }
        if (context.root())
            say(fmt::format("chosen on validation: {} ({:.1f} s)", describe(grid[chosen]), seconds));
    }
    const std::shared_ptr<PosteriorJob> final_job = copy_of(job);
    grid[chosen].apply(*final_job);
    if (!best.method || steps != job.train.steps) best = train_once(context, *final_job, problem, "train");
    best.job = final_job;
    for (const auto& [key, value] : grid[chosen].values) best.selected[key] = value;
    return best;
}

}  // namespace vtvc
