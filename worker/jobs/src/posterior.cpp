// kinds "posterior" and "baseline": a method trained on a bank and its data sets, chosen on validation data.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kinds.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/methods/method.hpp"

namespace vtvc {

bool run_posterior(RunContext& context, const PosteriorJob& job) {
    Problem problem(job.bank, job.exclude, job.partition, job.tasks);
    problem.read_training(job.window, job.validation_rows);
    const TrainedBy trained = train_method(context, job, problem);
    if (!trained.result.finished) return false;
    if (context.root()) {
        std::string text;
        for (const auto& [key, value] : trained.result.validation)
            text += fmt::format(" {} {:.4f}", key, value);
        say(fmt::format("validation:{}", text));
        save_method(context.path / "method.h5", job, problem, trained);
        // Times are no part of a result: they stay outside of the file whose content names later runs.
        write_atomically(context.path / "result.json",
                         nlohmann::json{{"selected", trained.selected},
                                        {"validation", trained.result.validation},
                                        {"train_seconds", trained.result.seconds}}
                             .dump(2));
    }
    return true;
}

}  // namespace vtvc
