#pragma once
// The job kinds as plain structs. A job file is one of these written in TOML; what a key means stands in
// jobs.cpp, once, in describe(). Defaults are the recommended settings (docs/method: recipes).
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/model_keys.hpp"
#include "vtvc/core/schema.hpp"

namespace vtvc {

/// What a job makes; heads that others made have more kinds (storage/head.hpp).
enum class HeadFit { prototype, linear_probe };
enum class Partition { tensor, module, layer, model };
enum class Protocol { addition, addition_blind, heterogeneous, transfer };
enum class Family { spike_slab, gaussian, point };
enum class Spike { group, layer, coefficient };
enum class Form { plain, hierarchical };
enum class Trunk { separate, shared };
enum class Start { informed, zero, wide };
/// What training differentiates: the composed network, its tangent (jacobian_job.hpp), or first one then the
/// other.
enum class Fidelity { exact, tangent, automatic };
enum class Relaxation { concrete, hard_concrete, straight_through };
enum class Gate { off, coefficient, group };
enum class GateMeasure { mean, sample };
enum class GateForm { inclusion, factor };
enum class SelectBy { accuracy, nll, hard_accuracy, hard_nll };
enum class Method {
    zero_shot,
    individual,
    average,
    task_arithmetic,
    ties,
    atlas,
    per_dataset,
    probe,
    amortised,
    gaussian
};
enum class Mode { mean, hard, monte_carlo };
enum class BankStore { f32, bf16, int8, lowrank };  ///< how task vectors are kept
enum class EngineKind { cpu, reference };
enum class GradientProducts { f32, bf16 };  ///< behind the gradients of coefficients

template <>
struct EnumNames<HeadFit> {
    static constexpr std::array<std::string_view, 2> names{"prototype", "linear_probe"};
};
template <>
struct EnumNames<Partition> {
    static constexpr std::array<std::string_view, 4> names{"tensor", "module", "layer", "model"};
};
template <>
struct EnumNames<Protocol> {
    static constexpr std::array<std::string_view, 4> names{"addition", "addition_blind", "heterogeneous",
                                                           "transfer"};
};
template <>
struct EnumNames<Family> {
    static constexpr std::array<std::string_view, 3> names{"spike_slab", "gaussian", "point"};
};
template <>
struct EnumNames<Spike> {
    static constexpr std::array<std::string_view, 3> names{"group", "layer", "coefficient"};
};
template <>
struct EnumNames<Form> {
    static constexpr std::array<std::string_view, 2> names{"plain", "hierarchical"};
};
template <>
struct EnumNames<Trunk> {
    static constexpr std::array<std::string_view, 2> names{"separate", "shared"};
};
template <>
struct EnumNames<Start> {
    static constexpr std::array<std::string_view, 3> names{"informed", "zero", "wide"};
};
template <>
struct EnumNames<Fidelity> {
    static constexpr std::array<std::string_view, 3> names{"exact", "tangent", "auto"};
};
template <>
struct EnumNames<Relaxation> {
    static constexpr std::array<std::string_view, 3> names{"concrete", "hard_concrete", "straight_through"};
};
template <>
struct EnumNames<Gate> {
    static constexpr std::array<std::string_view, 3> names{"off", "coefficient", "group"};
};
template <>
struct EnumNames<GateMeasure> {
    static constexpr std::array<std::string_view, 2> names{"mean", "sample"};
};
template <>
struct EnumNames<GateForm> {
    static constexpr std::array<std::string_view, 2> names{"inclusion", "factor"};
};
template <>
struct EnumNames<SelectBy> {
    static constexpr std::array<std::string_view, 4> names{"accuracy", "nll", "hard_accuracy", "hard_nll"};
};
template <>
struct EnumNames<Method> {
    static constexpr std::array<std::string_view, 10> names{
        "zero_shot", "individual",  "average", "task_arithmetic", "ties",
        "atlas",     "per_dataset", "probe",   "amortised",       "gaussian"};
};
template <>
struct EnumNames<Mode> {
    static constexpr std::array<std::string_view, 3> names{"mean", "hard", "monte_carlo"};
};

template <>
struct EnumNames<BankStore> {
    static constexpr std::array<std::string_view, 4> names{"f32", "bf16", "int8", "lowrank"};
};

template <>
struct EnumNames<EngineKind> {
    static constexpr std::array<std::string_view, 2> names{"cpu", "reference"};
};

template <>
struct EnumNames<GradientProducts> {
    static constexpr std::array<std::string_view, 2> names{"f32", "bf16"};
};

/// The name of an enumeration's value as files write it.
template <class E>
std::string name_of(E value) {
    return std::string(EnumNames<E>::names.at(static_cast<std::size_t>(value)));
}

/// [job]: what every kind has.
struct CommonKeys {
    std::int64_t seed = 0;
    std::string out;                      ///< a link to the run folder is put here; empty: none
    std::string store;                    ///< empty: VTVC_STORE, else ./vtvc-store
    std::int64_t threads = 1;             ///< per rank
    EngineKind engine = EngineKind::cpu;  ///< of composed products in float32
    std::int64_t packed_memory = 4096;    ///< MiB of each rank, for packed copies of the bank
    std::int64_t checkpoint_every = 500;  ///< steps; 0: only when asked to stop
    std::int64_t stop_at = 0;             ///< stop with a checkpoint at this step (exit code 75); 0: never
    void describe(Visitor& v);
};

/// [train]: an AdamW loop with warm-up and cosine decay.
struct TrainKeys {
    std::int64_t steps = 200, batch = 64, warmup = 20;
    double lr = 1e-3, weight_decay = 0, clip = 1;
    std::int64_t validate_every = 0;  ///< steps; 0: at the end only
    void describe(Visitor& v);
};

/// [augment]: of training images; all off by default.
struct AugmentKeys {
    double shift = 0;     ///< pixels, uniform in ±
    double invert = 0;    ///< probability of x → 255 − x
    double contrast = 1;  ///< least contrast, uniform in [contrast, 1]
    double noise = 0;     ///< standard deviation of Gaussian noise, in grey levels of 255
    void describe(Visitor& v);
};

/// Rows [first, first + count) of a split; count 0: all that follow. Train rows are stored shuffled.
struct WindowKeys {
    std::int64_t first = 0, count = 0;
    void describe(Visitor& v);
};

struct Job {
    virtual ~Job() = default;
    virtual std::string_view kind() const = 0;
    virtual void describe(Visitor& v) = 0;
    /// Problems that no single key shows ("patch 7 does not divide image 30").
    virtual void check(std::vector<std::string>& problems) const { (void)problems; }
    /// Raised by hand when the same keys give other results; a golden test guards it. 2: products of
    /// evaluation and composed products are the engine's (other rounding).
    virtual int results_number() const { return 1; }
    CommonKeys common;
};

struct PretrainJob : Job {
    std::string data;
    ModelKeys model;
    TrainKeys train{.steps = 1500, .batch = 128, .warmup = 100, .lr = 3e-3, .weight_decay = .05, .clip = 1};
    AugmentKeys augment{.shift = 0, .invert = .3, .contrast = .6, .noise = 12};
    std::string_view kind() const override { return "pretrain"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

struct FinetuneJob : Job {
    std::string base, data, head;
    WindowKeys window;
    TrainKeys train{.steps = 300, .batch = 64, .warmup = 20, .lr = 1e-3, .weight_decay = .01, .clip = 1};
    AugmentKeys augment;
    std::string_view kind() const override { return "finetune"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
};

struct HeadJob : Job {
    std::string base, data;
    WindowKeys window;
    HeadFit head = HeadFit::prototype;
    double scale = 16;  ///< of the cosine logits
    std::int64_t probe_steps = 300;
    double probe_lr = 1e-2;
    std::string_view kind() const override { return "head"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
};

struct BankJob : Job {
    struct Row {
        std::string name, model;
        void describe(Visitor& v);
    };
    std::string base;
    std::vector<Row> tasks;
    std::int64_t random_vectors = 0;  ///< nuisance vectors of the tasks' mean norm per tensor, for controls
    BankStore store = BankStore::f32;
    std::int64_t rank = 0;  ///< of store lowrank; 0 elsewhere
    std::string_view kind() const override { return "bank"; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

struct FeaturesJob : Job {
    std::string model, data;
    std::string_view kind() const override { return "features"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
};

/// A data set with what is needed to compose on it.
struct TaskRow {
    std::string name, data, features, head;
    std::string vector;    ///< its own task vector's name in the bank; empty: name, if the bank has it
    std::string jacobian;  ///< file of kind jacobian, for the fidelities tangent and auto
    void describe(Visitor& v);
};

/// [posterior]
struct PosteriorKeys {
    Family family = Family::spike_slab;
    Spike spike = Spike::group;
    Form form = Form::plain;
    Trunk trunk = Trunk::separate;
    Start start = Start::informed;
    std::vector<std::int64_t> hidden{64};
    std::int64_t rank = 0;   ///< of the output heads; 0: full up to 4,096 outputs, 64 above
    double mean_start = -1;  ///< bias of the mean; −1: 1/K
    double log_var_start = -5, logit_start = 2;
    double dropout = 0;
    Fidelity fidelity = Fidelity::exact;
    double exact_share = .25;  ///< of the steps, the last ones; Fidelity::automatic only
    void describe(Visitor& v);
};
/// [prior]
struct PriorKeys {
    double inclusion = .9, sd = 1;
    double lambda_mean = .01;  ///< weight of the coefficients' KL, as a mean over K·J
    double lambda_spike = .1;  ///< weight of the spike's KL in nats a sample; group and layer spikes only
    std::int64_t warmup = 0;   ///< steps over which both weights rise from 0
    void describe(Visitor& v);
};
/// [relaxation]
struct RelaxationKeys {
    Relaxation kind = Relaxation::concrete;
    double temperature = .1;
    std::int64_t samples = 1;
    void describe(Visitor& v);
};
/// [gate], method.md section 4
struct GateKeys {
    Gate on = Gate::coefficient;
    GateMeasure measure = GateMeasure::mean;
    GateForm form = GateForm::inclusion;
    double threshold = .05, beta = 1, sharpness = 20, anneal_from = 2;
    std::int64_t anneal_steps = 0;  ///< 0: min(1000, a third of the run)
    void describe(Visitor& v);
};
/// [select]: grids tried on validation data with select.steps steps each; the best is trained in full.
struct SelectKeys {
    std::vector<double> inclusion, lr, lambda_mean;
    std::int64_t steps = 0;  ///< 0: as many as train.steps
    std::string from;        ///< method file whose choice is taken instead of trying the grids again
    SelectBy by = SelectBy::accuracy;
    void describe(Visitor& v);
};

struct PosteriorJob : Job {
    std::string bank;
    std::vector<std::string> exclude;  ///< task vectors left out (transfer)
    Partition partition = Partition::tensor;
    Protocol protocol = Protocol::addition;
    std::vector<TaskRow> tasks;
    WindowKeys window;                 ///< rows of each task's train split
    std::int64_t validation_rows = 0;  ///< of each task; 0: all
    PosteriorKeys posterior;
    PriorKeys prior;
    RelaxationKeys relaxation;
    GateKeys gate;
    TrainKeys train{.steps = 200, .batch = 64, .warmup = 20, .lr = 1e-2, .weight_decay = 0, .clip = 5};
    double lr_task = 3e-2;  ///< of the hierarchical form's task coefficients
    GradientProducts gradient_products = GradientProducts::f32;
    SelectKeys select;
    std::string_view kind() const override { return "posterior"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
    /// Whether the posterior is told which data set a sample is of.
    bool told() const { return protocol == Protocol::addition; }
    /// The first of train.steps that the composed network is trained in; those before take its tangent.
    std::int64_t first_exact_step() const;
};

/// The baselines share the posterior's data, budget and (where amortised) network.
struct BaselineJob : PosteriorJob {
    Method method = Method::average;
    std::vector<double> scale_grid{.05, .1, .15, .2, .25, .3,
                                   .4,  .5, .6,  .8, 1.0};  ///< task_arithmetic, ties
    std::vector<double> keep_grid{.1, .2, .5};              ///< ties
    std::vector<double> decay_grid{0, 1e-4, 1e-3, 1e-2};    ///< probe
    WindowKeys probe_window;  ///< rows of train for the probe: every label the pipeline saw
    std::string_view kind() const override { return "baseline"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

struct EvaluateJob : Job {
    std::string method;  ///< method.h5 of a posterior or baseline run
    std::string bank;
    std::vector<TaskRow> tasks;
    std::string method_id;                   ///< row of the table; empty: from the method
    std::int64_t test_rows = 0;              ///< of each task; 0: all
    std::vector<std::string> modes{"mean"};  ///< names of Mode
    std::int64_t samples = 20;               ///< monte_carlo
    bool diagnostics = false;                ///< z replaced by its mean and by another sample's, flip rate
    std::string_view kind() const override { return "evaluate"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

struct PredictJob : Job {
    std::string method, bank, model, head,
        images;        ///< images: a dataset file; its test split's labels stay shut
    std::string task;  ///< the data set told to the posterior, where it is told
    std::string split = "test";
    std::int64_t samples = 20;
    std::string_view kind() const override { return "predict"; }
    int results_number() const override { return 2; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

/// What composition costs over one plain network of the same shape, on this machine.
struct BenchJob : Job {
    ModelKeys model{.image = 224,
                    .channels = 3,
                    .patch = 32,
                    .width = 768,
                    .depth = 12,
                    .heads = 12,
                    .mlp = 3072,
                    .output = 512};
    std::int64_t batch = 64, tasks = 8;
    std::int64_t active = 2;  ///< task vectors a sample and block in the "few active" cases
    std::int64_t repetitions = 9;
    std::string isa;            ///< instruction set; empty: the best
    bool whole_network = true;  ///< also forward passes and steps of the whole network
    std::string_view kind() const override { return "bench"; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

/// Every kind that vtvc-worker runs, in the order a user meets them.
std::vector<std::string> job_kinds();
/// nullptr for an unknown kind.
std::unique_ptr<Job> make_job(std::string_view kind);

}  // namespace vtvc
