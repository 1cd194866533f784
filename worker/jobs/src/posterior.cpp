// kinds "posterior" and "baseline": a method trained on a bank and its data sets, chosen on validation data.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kinds.hpp"
#include "vtvc/composition/settings.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/methods/method.hpp"

namespace vtvc {

bool run_posterior(RunContext& context, const PosteriorJob& job) {
    if (job.gradient_products == GradientProducts::bf16) {
        composition_settings().gradient_products = Products::bf16;
        if (context.root() && !(has_bf16_products() && engine_isa() == "avx512"))
            warn("train.gradient_products: this processor has no products in bf16; they are made in f32");
    }
    Problem problem(job.bank, job.exclude, job.partition, job.tasks);
    problem.read_training(job.window, job.validation_rows);
    const TrainedBy trained = train_method(context, job, problem);
    if (!trained.result.finished) return false;
    if (context.root()) {
        std::string text;
        for (const auto& [key, value] : trained.result.validation)
            text += fmt::format(" {} {:.4f}", key, value);
        say(fmt::format("validation:{}", text));
        // Times are no part of a result: they stay outside of the file whose content names later runs.
        nlohmann::json result{{"selected", trained.selected},
                              {"validation", trained.result.validation},
                              {"train_seconds", trained.result.seconds}};
        if (trained.tangent) {
            result["tangent"] = trained.tangent->named();
            say(trained.tangent->text());
        }
        save_method(context.path / "method.h5", job, problem, trained);
        write_atomically(context.path / "result.json", result.dump(2));
    }
    return true;
}

}  // namespace vtvc
