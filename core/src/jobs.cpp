// What every key of every job kind means. Files that a job reads are keys of [input], rows of splits of
// [rows]; everything else is named after the struct that holds it.
#include "vtvc/core/jobs.hpp"

#include <cmath>

#include "vtvc/core/jacobian_job.hpp"

namespace vtvc {
namespace {

constexpr auto required = Key::Presence::required;

Key input(std::string_view help, Key::Presence presence = required) {
    return {.help = help, .role = Role::input, .presence = presence};
}

void describe_tasks(Visitor& v, std::vector<TaskRow>& tasks) {
    v.rows("task", tasks, {.help = "A data set with what is needed to compose on it.", .presence = required});
}

}  // namespace

void CommonKeys::describe(Visitor& v) {
    v.section("job", "What every job has.");
    v.key("job.seed", seed, {.help = "Seed of every random number of the job.", .min = 0});
    v.key("job.out", out,
          {.help = "Where a link to the run folder is put; empty: nowhere.", .role = Role::execution});
    v.key("job.store", store,
          {.help = "Folder of all runs; empty: the variable VTVC_STORE, else ./vtvc-store.",
           .role = Role::execution});
    v.key("job.threads", threads, {.help = "Threads of each rank.", .role = Role::execution, .min = 1});
    v.key("job.engine", engine,
          {.help = "Composed products on the CPU: the fused engine, or the reference schemes it is tested "
                   "against; they differ in rounding.",
           .role = Role::execution});
    v.key("job.packed_memory", packed_memory,
          {.help =
               "Memory of each rank for copies of the bank in the engine's order (two a block in training); "
               "a block without room is packed anew for every product.",
           .unit = "MiB",
           .role = Role::execution,
           .min = 0});
    v.key("job.checkpoint_every", checkpoint_every,
          {.help = "Steps between two checkpoints; 0: only when asked to stop.",
           .unit = "steps",
           .role = Role::execution,
           .min = 0});
    v.key("job.stop_at", stop_at,
          {.help = "Stop with a checkpoint and exit code 75 at this step; 0: never.",
           .unit = "steps",
           .role = Role::execution,
           .min = 0});
}

void TrainKeys::describe(Visitor& v) {
    v.section("train", "Optimisation: AdamW with warm-up and cosine decay.");
    v.key("train.steps", steps, {.help = "Length of the training.", .unit = "steps", .min = 1});
    v.key("train.batch", batch, {.help = "Samples of a step, over all ranks.", .unit = "samples", .min = 1});
    v.key("train.warmup", warmup,
          {.help = "Steps over which the learning rate rises from 0.", .unit = "steps", .min = 0});
    v.key("train.lr", lr, {.help = "Highest learning rate.", .min = 0});
    v.key("train.weight_decay", weight_decay, {.help = "Decoupled weight decay of matrices.", .min = 0});
    v.key("train.clip", clip, {.help = "Largest norm of the gradient; 0: not clipped.", .min = 0});
    v.key("train.validate_every", validate_every,
          {.help = "Steps between two validations; 0: at the end only.", .unit = "steps", .min = 0});
}

void AugmentKeys::describe(Visitor& v) {
    v.section("augment", "Random changes of the training images.");
    v.key("augment.shift", shift,
          {.help = "Largest shift, uniform in both directions.", .unit = "pixels", .min = 0});
    v.key("augment.invert", invert, {.help = "Probability that an image is inverted.", .min = 0, .max = 1});
    v.key("augment.contrast", contrast,
          {.help = "Least contrast; it is uniform between this and 1.", .min = 0, .max = 1});
    v.key("augment.noise", noise,
          {.help = "Standard deviation of Gaussian noise.", .unit = "grey levels of 255", .min = 0});
}

void WindowKeys::describe(Visitor& v) {
    v.section("rows", "Which rows of the splits are used; the train split is stored shuffled.");
    v.key("rows.first", first, {.help = "First row of the train split.", .unit = "rows", .min = 0});
    v.key("rows.count", count,
          {.help = "Rows of the train split from there; 0: all that follow.", .unit = "rows", .min = 0});
}

void PretrainJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.data", data, input("Dataset whose classes the base network learns."));
    model.describe(v);
    train.describe(v);
    augment.describe(v);
}

void FinetuneJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.base", base, input("Model file to start from."));
    v.key("input.data", data, input("Dataset to fine-tune on."));
    v.key("input.head", head, input("Head file of the dataset; it stays frozen."));
    window.describe(v);
    train.describe(v);
    augment.describe(v);
}

void HeadJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.base", base, input("Model file whose features the head works on."));
    v.key("input.data", data, input("Dataset whose classes the head tells apart."));
    window.describe(v);
    v.section("head", "How the frozen head is made.");
    v.key("head.kind", head, {.help = "Normalised class means of base features, or a linear probe on them."});
    v.key("head.scale", scale, {.help = "Factor of the cosine logits.", .min = 1e-3});
    v.key("head.probe_steps", probe_steps,
          {.help = "Length of the probe's training.", .unit = "steps", .min = 1});
    v.key("head.probe_lr", probe_lr, {.help = "Learning rate of the probe.", .min = 0});
}

void BankJob::Row::describe(Visitor& v) {
    v.key("name", name, {.help = "Name of the task vector.", .presence = required});
    v.key("model", model, input("Model file fine-tuned from input.base."));
}

void BankJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.base", base, input("Model file that every task was fine-tuned from."));
    v.section("bank", "What the bank holds beside the tasks.");
    v.key("bank.random_vectors", random_vectors,
          {.help = "Random vectors of the tasks' mean norm per tensor, added as controls.", .min = 0});
    v.key("bank.store", store, {.help = "How task vectors are kept."});
    v.key("bank.rank", rank, {.help = "Rank that store = \"lowrank\" keeps; 0 for the others.", .min = 0});
    v.rows("task", tasks,
           {.help = "A fine-tuned model; its task vector is model minus base.", .presence = required});
}

void FeaturesJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.model", model, input("Model file whose features are computed."));
    v.key("input.data", data, input("Dataset whose splits they are computed for."));
}

void TaskRow::describe(Visitor& v) {
    v.key("name", name, {.help = "Name of the data set in tables and files.", .presence = required});
    v.key("data", data, input("Dataset file."));
    auto about = input("Features of that dataset by the bank's base.");
    about.way =
        "make them once, for every run that names them: vtvc run FILE with [job] kind = \"features\", "
        "[input] "
        "model = the bank's base and data = this row's";
    v.key("features", features, about);
    v.key("head", head, input("Frozen head file of that dataset."));
    v.key("vector", vector,
          {.help = "Its own task vector in the bank; empty: the one called as the data set."});
    v.key("jacobian", jacobian,
          input("Jacobian of that dataset, from a job of kind jacobian; for posterior.fidelity tangent and "
                "auto.",
                Key::Presence::optional));
}

void PosteriorKeys::describe(Visitor& v) {
    v.section("posterior", "The amortised posterior of the coefficients, q(z | x).");
    v.key("posterior.family", family, {.help = "Distribution of a coefficient."});
    v.key("posterior.spike", spike,
          {.help = "What shares one spike: a task vector, a layer of it, or nothing."});
    v.key("posterior.form", form,
          {.help = "Mean from the network alone, or added to a learned mean of the data set."});
    v.key("posterior.trunk", trunk, {.help = "Whether mean, variance and spike have networks of their own."});
    v.key("posterior.start", start,
          {.help = "Start at a useful mean, at zero coefficients, or with all weights N(0, 0.01²)."});
    v.key("posterior.hidden", hidden, {.help = "Widths of the hidden layers.", .min = 1, .max = 1024});
    v.key("posterior.rank", rank,
          {.help = "Rank of the output layers; 0: full up to 4,096 outputs, 64 above.", .min = 0});
    v.key(
        "posterior.mean_start", mean_start,
        {.help = "Every mean at the start; -1: one over the number of task vectors.", .min = -1, .max = 10});
    v.key("posterior.log_var_start", log_var_start,
          {.help = "Every log variance at the start.", .min = -8, .max = 2});
    v.key("posterior.logit_start", logit_start,
          {.help = "Every spike's logit at the start.", .min = -20, .max = 20});
    v.key("posterior.dropout", dropout, {.help = "Dropout of the hidden layers.", .min = 0, .max = .95});
    v.key("posterior.fidelity", fidelity,
          {.help = "What training differentiates: the composed network, its tangent from Jacobian files, or "
                   "the tangent first and then the network. Validation and evaluation are always exact."});
    v.key("posterior.exact_share", exact_share,
          {.help = "Share of the steps, the last ones, that fidelity auto trains exactly.",
           .min = 0,
           .max = 1});
}

void PriorKeys::describe(Visitor& v) {
    v.section("prior", "The prior of the coefficients and the weight of the divergence from it.");
    v.key("prior.inclusion", inclusion,
          {.help = "Probability that a spike is on.", .min = 1e-6, .max = 1 - 1e-6});
    v.key("prior.sd", sd, {.help = "Standard deviation of the slab.", .min = 1e-6});
    v.key("prior.lambda_mean", lambda_mean,
          {.help = "Weight of the coefficients' divergence, a mean over all coefficients.", .min = 0});
    v.key("prior.lambda_spike", lambda_spike,
          {.help = "Weight of the spikes' divergence, a sum over the spikes of a sample; group and layer "
                   "spikes only.",
           .unit = "per nat",
           .min = 0});
    v.key("prior.warmup", warmup,
          {.help = "Steps over which both weights rise from 0.", .unit = "steps", .min = 0});
}

void RelaxationKeys::describe(Visitor& v) {
    v.section("relaxation", "How the spikes are sampled in training.");
    v.key("relaxation.kind", kind, {.help = "The last two give exact zeros in training too."});
    v.key("relaxation.temperature", temperature,
          {.help = "Temperature of the concrete distribution.", .min = 1e-3});
    v.key("relaxation.samples", samples,
          {.help = "Samples of the coefficients for each image and step.", .min = 1});
}

void GateKeys::describe(Visitor& v) {
    v.section("gate", "Gated sampling: small and uncertain coefficients are left out.");
    v.key("gate.on", on,
          {.help = "What is gated: nothing, coefficients, or whole task vectors by their root mean square."});
    v.key("gate.measure", measure,
          {.help = "What is compared with the threshold: the mean's size or the sample's."});
    v.key("gate.form", form, {.help = "The gate as a part of the inclusion, or as a factor of the sample."});
    v.key("gate.threshold", threshold, {.help = "Threshold of a coefficient without uncertainty.", .min = 0});
    v.key("gate.beta", beta, {.help = "How much uncertainty raises the threshold.", .min = 0});
    v.key("gate.sharpness", sharpness, {.help = "Slope of the soft gate in training.", .min = 1e-3});
    v.key("gate.anneal_from", anneal_from,
          {.help = "Factor of the threshold at the start; it falls to 1.", .min = 1});
    v.key("gate.anneal_steps", anneal_steps,
          {.help = "Steps of that fall; 0: 1,000, or a third of the run where that is shorter.",
           .unit = "steps",
           .min = 0});
}

void SelectKeys::describe(Visitor& v) {
    v.section("select",
              "Grids tried on validation data; the best is trained in full. Empty: the setting itself.");
    v.key("select.inclusion", inclusion,
          {.help = "Values of prior.inclusion.", .min = 1e-6, .max = 1 - 1e-6});
    v.key("select.lr", lr, {.help = "Values of train.lr.", .min = 0});
    v.key("select.lambda_mean", lambda_mean, {.help = "Values of prior.lambda_mean.", .min = 0});
    v.key("select.steps", steps,
          {.help = "Steps of a trial; 0: as many as train.steps.", .unit = "steps", .min = 0});
    v.key("select.from", from,
          input("Method file whose choices are taken instead of trying the grids; empty: none.",
                Key::Presence::optional));
    v.key("select.by", by,
          {.help = "Measure on validation data: highest accuracy or lowest nll, of the mean or of the hard "
                   "evaluation (of the only one, for a method that has no other)."});
}

void PosteriorJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.bank", bank, input("Bank of task vectors."));
    v.section("compose", "What is composed, and what the posterior is told.");
    v.key("compose.protocol", protocol,
          {.help = "Only addition tells the posterior which data set a sample is of."});
    v.key("compose.partition", partition, {.help = "What shares one coefficient of a task vector."});
    v.key("compose.exclude", exclude, {.help = "Task vectors of the bank that are left out."});
    window.describe(v);
    v.key("rows.validation", validation_rows,
          {.help = "Rows of each validation split; 0: all.", .unit = "rows", .min = 0});
    posterior.describe(v);
    prior.describe(v);
    relaxation.describe(v);
    gate.describe(v);
    train.describe(v);
    v.key("train.lr_task", lr_task,
          {.help = "Learning rate of the hierarchical form's task coefficients.", .min = 0});
    v.key("train.gradient_products", gradient_products,
          {.help = "Products behind the gradients of coefficients through the network; bf16 takes half their "
                   "time and is off by half a per cent, where the processor has it (else f32)."});
    select.describe(v);
    describe_tasks(v, tasks);
}

std::int64_t PosteriorJob::first_exact_step() const {
    switch (posterior.fidelity) {
        case Fidelity::exact:
            return 0;
        case Fidelity::tangent:
            return train.steps;
        case Fidelity::automatic:
            break;
    }
    return train.steps - std::llround(posterior.exact_share * static_cast<double>(train.steps));
}

void BaselineJob::describe(Visitor& v) {
    PosteriorJob::describe(v);
    v.section("method", "Which baseline, and the grids it is tuned on (validation data).");
    v.key("method.name", method, {.help = "The baseline.", .presence = required});
    v.key("method.scale_grid", scale_grid, {.help = "Scales of task_arithmetic and ties.", .min = 0});
    v.key("method.keep_grid", keep_grid,
          {.help = "Shares of the entries that ties keeps.", .min = 0, .max = 1});
    v.key("method.decay_grid", decay_grid, {.help = "Weight decays of probe.", .min = 0});
    v.key("method.probe_first", probe_window.first,
          {.help = "First row of the train split that probe sees.", .unit = "rows", .min = 0});
    v.key("method.probe_count", probe_window.count,
          {.help = "Rows that probe sees, every label the pipeline saw; 0: all that follow.",
           .unit = "rows",
           .min = 0});
}

void EvaluateJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.method", method, input("Method file of a posterior or baseline run."));
    v.key("input.bank", bank, input("Bank of task vectors that the method was trained with."));
    v.section("rows", "Which rows of the splits are used.");
    v.key("rows.test", test_rows, {.help = "Rows of each test split; 0: all.", .unit = "rows", .min = 0});
    v.section("evaluate", "What is measured on the test split.");
    v.key("evaluate.method_id", method_id,
          {.help = "Row of the results table; empty: as the method file says."});
    v.key("evaluate.modes", modes, {.help = "How coefficients are made: mean, hard, monte_carlo."});
    v.key("evaluate.samples", samples, {.help = "Samples an image of monte_carlo.", .min = 1});
    v.key(
        "evaluate.diagnostics", diagnostics,
        {.help =
             "Also: coefficients replaced by their mean and by another sample's, and the gate's flip rate."});
    describe_tasks(v, tasks);
}

void PredictJob::describe(Visitor& v) {
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.method", method, input("Method file of a posterior or baseline run."));
    v.key("input.bank", bank, input("Bank of task vectors that the method was trained with."));
    v.key("input.head", head, input("Head file whose classes are predicted."));
    v.key("input.images", images, input("Dataset or IDX file with the images; test labels stay shut."));
    v.section("predict", "What is predicted.");
    v.key("predict.task", task,
          {.help = "Data set whose head answers; told to the posterior where it is told one."});
    v.key("predict.split", split, {.help = "Split of a dataset: train, validation or test."});
    v.key("predict.samples", samples, {.help = "Samples an image for the uncertainty.", .min = 1});
}

void BenchJob::describe(Visitor& v) {
    common.describe(v);
    model.describe(v);
    v.section("bench", "What is measured; weights, inputs and coefficients are random numbers of job.seed.");
    v.key("bench.batch", batch, {.help = "Samples of a batch.", .min = 1});
    v.key("bench.tasks", tasks, {.help = "Task vectors.", .min = 1});
    v.key("bench.active", active,
          {.help = "Task vectors that a sample uses in a block where only a few are active.", .min = 1});
    v.key("bench.repetitions", repetitions,
          {.help = "Times that everything is run, in turn; medians are told.", .min = 1});
    v.key("bench.isa", isa,
          {.help = "Instruction set of the engine: avx512, avx2 or baseline; empty: the best."});
    v.key("bench.whole_network", whole_network,
          {.help = "Also forward passes and training steps of the whole network, which needs memory for its "
                   "bank."});
}

std::vector<std::string> job_kinds() {
    return {"pretrain",  "head",     "finetune", "bank",    "features", "jacobian",
            "posterior", "baseline", "evaluate", "predict", "bench"};
}

std::unique_ptr<Job> make_job(std::string_view kind) {
    if (kind == "pretrain") return std::make_unique<PretrainJob>();
    if (kind == "head") return std::make_unique<HeadJob>();
    if (kind == "finetune") return std::make_unique<FinetuneJob>();
    if (kind == "bank") return std::make_unique<BankJob>();
    if (kind == "features") return std::make_unique<FeaturesJob>();
    if (kind == "jacobian") return std::make_unique<JacobianJob>();
    if (kind == "posterior") return std::make_unique<PosteriorJob>();
    if (kind == "baseline") return std::make_unique<BaselineJob>();
    if (kind == "evaluate") return std::make_unique<EvaluateJob>();
    if (kind == "predict") return std::make_unique<PredictJob>();
    if (kind == "bench") return std::make_unique<BenchJob>();
    return nullptr;
}

}  // namespace vtvc
