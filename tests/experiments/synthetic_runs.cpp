#include "synthetic_runs.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/core/job_file.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/predictions.hpp"

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace vtvc::testing {
namespace {

constexpr int side = 10, classes = 6, test_rows = 120, vectors = 5, gate_rows = 4;
const std::vector<std::string> domain_names{"clean",    "rotated 90°", "rotated 180°",
                                            "inverted", "blurred",     "mirrored"};
const std::vector<std::string> vector_names{"rot90", "rot180", "invert", "blur", "random1"};
const std::vector<std::string> block_names{"class_embedding",
                                           "conv1.weight",
                                           "transformer.resblocks.0.attn.in_proj_weight",
                                           "transformer.resblocks.0.mlp.c_fc.weight",
                                           "transformer.resblocks.1.attn.in_proj_weight",
                                           "transformer.resblocks.1.mlp.c_fc.weight",
                                           "ln_post.weight"};

struct Method {
    std::string id;
    double skill;  // how far the true class stands out, in logits
    int seeds;
    bool sparse = false, learned = true;
    double seconds = 0;
    std::string family = "fixed";
};

// Without the syncs of write_atomically: nobody needs these files after a power cut, and tests write many.
void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    if (fs::file_size(path) != content.size()) throw std::runtime_error("could not write " + path.string());
}

fs::path write_data(const fs::path& path, const std::string& name, bool mixed, std::uint64_t seed) {
    DatasetContents data;
    data.name = name;
    data.height = data.width = side;
    data.class_names = {"α", "β", "γ", "δ", "a<b", "ζ & η"};  // the last two must be escaped on the page
    data.group_names = {"first", "second", "third"};
    if (mixed) data.subdomain_names = domain_names;
    data.origin = "made up for tests";
    const auto fill = [&](SplitData& split, int rows, std::int64_t first_id, std::int32_t group) {
        for (int i = 0; i < rows; ++i) {
            Stream stream(seed, Purpose::render, static_cast<std::uint64_t>(first_id + i));
            const auto label = static_cast<std::int32_t>(stream.below(classes));
            const std::int32_t domain = mixed ? i % static_cast<int>(domain_names.size()) : -1;
            for (int p = 0; p < side * side; ++p) {
                const bool on = (p / side * (label + 2) + p % side * (label + 1)) % 7 < 3;
                const double grey = (on != (domain == 3) ? 200 : 30) + 20 * stream.normal();
                split.images.push_back(static_cast<std::uint8_t>(std::clamp(grey, 0.0, 255.0)));
            }
            split.labels.push_back(label);
            split.ids.push_back(first_id + i);
            split.groups.push_back(group);
            split.subdomains.push_back(domain);
        }
    };
    fill(data.train, 12, 0, 0);
    fill(data.validation, 12, 100, 1);
    fill(data.test, test_rows, 1000, 2);
    write_dataset(path, data);
    return path;
}

PredictionSet predict(const Dataset& data, const fs::path& path, const Method& method,
                      const std::string& mode, std::uint64_t seed) {
    PredictionSet set;
    const SplitData rows = data.read(Split::test);
    set.dataset = data.name();
    set.mode = mode;
    set.rows = rows.rows();
    set.classes = classes;
    set.ids = rows.ids;
    set.subdomains = rows.subdomains;
    // The generator of the labels: the first number of each row's stream (see write_data).
    const std::uint64_t data_seed = path.stem() == "greek-mixed" ? 1 : path.stem() == "greek" ? 2 : 3;
    const bool has_z = method.learned && mode != "averaged" && mode != "shuffled";
    const auto blocks = static_cast<std::int64_t>(block_names.size());
    if (has_z) {
        set.tasks = vectors;
        set.coefficients = blocks;
        if (method.sparse) set.gate_rows = gate_rows;
    }
    const double lost = mode == "averaged" ? 1.2 : mode == "shuffled" ? 1.6 : mode == "hard" ? .15 : 0;
    for (std::size_t i = 0; i < set.ids.size(); ++i) {
        const auto id = static_cast<std::uint64_t>(set.ids[i]);
        const auto label = static_cast<std::int32_t>(Stream(data_seed, Purpose::render, id).below(classes));
        set.labels.push_back(label);
        Stream image(data_seed, Purpose::subset, id);  // the same difficulty for every method
        Stream own(seed + 17 * static_cast<std::uint64_t>(10 * method.skill), Purpose::slab_noise, id);
        std::vector<double> logits(classes);
        double total = 0;
        for (int c = 0; c < classes; ++c) {
            const double logit =
                (c == label ? method.skill - lost : 0) + 1.1 * image.normal() + .4 * own.normal();
            logits[static_cast<std::size_t>(c)] = std::exp(1.2 * logit);
            total += logits[static_cast<std::size_t>(c)];
        }
        for (double v : logits) set.probabilities.push_back(static_cast<float>(v / total));
        if (mode == "monte_carlo") set.epistemic.push_back(static_cast<float>(.05 + .1 * own.uniform()));
        if (!has_z) continue;
        const int domain = rows.subdomains[i];
        for (int k = 0; k < vectors; ++k) {
            const bool right = domain < 0 ? k < 3 : domain == k + 1;
            const double rho = !method.sparse ? 1
                               : right        ? .75 + .2 * own.uniform()
                                              : .05 + .5 * own.uniform() * (k != 4);
            if (method.sparse) set.inclusion.push_back(static_cast<float>(rho));
            for (std::int64_t j = 0; j < blocks; ++j) {
                const double mu = (right ? .45 : .12) + .08 * own.normal() - .03 * static_cast<double>(j);
                const double u = std::tanh(.08 / (std::abs(mu) + 1e-8));
                const bool kept = rho >= .5 && std::abs(mu) >= .05 * (1 + u);
                set.coefficient_values.push_back(
                    static_cast<float>(mode == "hard" ? (kept ? mu : 0) : rho * mu));
                if (i < static_cast<std::size_t>(set.gate_rows)) {
                    set.mean.push_back(static_cast<float>(mu));
                    set.uncertainty.push_back(static_cast<float>(u));
                }
            }
        }
    }
    return set;
}

class Writer {
  public:
    explicit Writer(fs::path root) : root_(std::move(root)) {}

    fs::path run(Job& job, bool done = true) {
        fs::path folder = root_ / "store" / "runs" / fmt::format("{:016x}", 0xabc0000 + ++count_);
        fs::create_directories(folder);
        write(folder / "resolved.toml", resolved_toml(job));
        write(folder / "provenance.json",
              ordered_json{{"schema", 1}, {"commit", "0123abc"}, {"host", "test machine"}}.dump());
        if (done) write(folder / "DONE", "attempt 1\n");
        return folder;
    }

    void link(const std::string& name, const fs::path& target) {
        fs::create_directories(root_ / "out");
        fs::create_directory_symlink(target, root_ / "out" / name);
    }

  private:
    fs::path root_;
    int count_ = 0;
};

std::string posterior_log(double skill, int seed) {
    std::string out = R"({"phase":"select0","step":0,"loss":99,"accuracy":0})"
                      "\n";
    for (int step = 0; step < 60; step += 2) {
        const double t = step / 60.0, noise = .05 * std::sin(step * (1.7 + seed));
        out += ordered_json{{"phase", "train"},
                            {"step", step},
                            {"loss", 2.4 - 1.3 * t + noise},
                            {"accuracy", .3 + .12 * skill * t + noise},
                            {"ce", 2.1 - 1.2 * t + noise},
                            {"kl_spike", 2.6 - 1.4 * t},
                            {"kl_slab", .5 + .4 * t},
                            {"inclusion", .88 - .5 * t},
                            {"nonzero", .95 - .6 * t},
                            {"anneal", 2 - t}}
                   .dump() +
               "\n";
        if (step % 20 == 18)
            out += ordered_json{{"phase", "train"},
                                {"step", step},
                                {"validation",
                                 {{"accuracy", .3 + .1 * skill * t},
                                  {"nll", 2 - t},
                                  {"hard_accuracy", .28 + .1 * skill * t},
                                  {"nonzero", .95 - .6 * t}}}}
                       .dump() +
                   "\n";
    }
    if (seed == 1)
        out +=
            R"({"phase":"train","step":58,"signature":"nonzero","warning":"48 % of the coefficients are kept, <expected> 20 %"})"
            "\n";
    return out;
}

std::string network_log(double start) {
    std::string out;
    for (int step = 0; step < 40; step += 4)
        out +=
            ordered_json{
                {"step", step}, {"loss", start - .04 * step}, {"accuracy", .2 + .015 * step}, {"lr", .001}}
                .dump() +
            "\n";
    return out;
}

// The first seed's runs get readable links; the others are found in the store.
void write_protocol(Writer& writer, Protocol protocol, const std::vector<fs::path>& data,
                    const std::vector<Method>& methods) {
    for (const Method& method : methods)
        for (int seed = 0; seed < method.seeds; ++seed) {
            fs::path trained;
            if (method.learned) {
                PosteriorJob job;
                job.common.seed = seed;
                job.bank = "/data/bank.h5";
                job.protocol = protocol;
                for (const fs::path& path : data)
                    job.tasks.push_back({path.stem(), path, "/data/f.h5", "/data/h.h5", "", ""});
                trained = writer.run(job);
                write(trained / "metrics.jsonl", posterior_log(method.skill, seed));
            }
            EvaluateJob job;
            job.common.seed = seed;
            job.method = "/data/method.h5";
            job.bank = "/data/bank.h5";
            job.method_id = method.id;
            for (const fs::path& path : data)
                job.tasks.push_back({path.stem(), path, "/data/f.h5", "/data/h.h5", "", ""});
            const fs::path folder = writer.run(job);

            PredictionsContents file;
            file.task_names = vector_names;
            file.coefficient_names = block_names;
            std::vector<std::string> modes{"mean"};
            if (method.sparse) modes.insert(modes.end(), {"hard", "averaged", "shuffled"});
            if (method.id == "vtvc" && seed == 0) modes.emplace_back("monte_carlo");
            ordered_json meta{
                {"protocol", name_of(protocol)},
                {"method", method.id},
                {"seed", seed},
                {"told", protocol == Protocol::addition},
                {"partition", "tensor"},
                {"family", method.family},
                {"selected", method.learned ? ordered_json{{"lr", .01}} : ordered_json::object()},
                {"validation", {{"accuracy", .5 + .1 * method.skill}}},
                {"train_seconds", method.seconds + seed},
                {"train_rows", 2000},
                {"bank_hash", "00112233445566778899aabbccddeeff"},
                {"method_path", method.learned ? (trained / "method.h5").string() : ""},
                {"gate", {{"on", "coefficient"}, {"threshold", .05}, {"beta", 1.0}}}};
            for (const fs::path& path : data) {
                const Dataset opened = Dataset::open(path);
                meta["datasets"].push_back(
                    {{"name", opened.name()}, {"path", path.string()}, {"hash", opened.hash()}});
                for (const std::string& mode : modes)
                    file.sets.push_back(
                        predict(opened, path, method, mode, static_cast<std::uint64_t>(seed)));
            }
            file.meta = meta.dump();
            write_predictions(folder / "predictions.h5", file);
            writer.link(fmt::format("{}-{}-{}", name_of(protocol), method.id, seed), folder);
            if (method.learned)
                writer.link(fmt::format("train-{}-{}-{}", name_of(protocol), method.id, seed), trained);
        }
}

}  // namespace

fs::path write_synthetic_runs(const fs::path& root) {
    fs::create_directories(root / "data");
    // Both protocols have a data set called greek: a name says which only inside its run.
    const fs::path mixed = write_data(root / "data" / "greek-mixed.h5", "greek", true, 1);
    const fs::path greek = write_data(root / "data" / "greek.h5", "greek", false, 2);
    const fs::path fashion = write_data(root / "data" / "fashion.h5", "fashion", false, 3);
    Writer writer(root);

    PretrainJob pretrain;
    pretrain.data = "/data/foundation.h5";
    const fs::path base = writer.run(pretrain);
    write(base / "metrics.jsonl", network_log(4));
    writer.link("base", base);
    writer.link("the-base-again", base);
    for (const std::string name : {"rot90", "blur"}) {
        FinetuneJob job;
        job.base = "/data/base.h5";
        job.data = "/data/" + name + ".h5";
        job.head = "/data/head.h5";
        const fs::path folder = writer.run(job);
        write(folder / "metrics.jsonl", network_log(name == "blur" ? 2 : 2.5));
        writer.link("finetune-" + name, folder);
    }
    PretrainJob unfinished = pretrain;
    unfinished.common.seed = 9;
    writer.link("unfinished", writer.run(unfinished, false));

    write_protocol(writer, Protocol::heterogeneous, {mixed},
                   {{"zero_shot", .2, 1, false, false},
                    {"average", .6, 1, false, false},
                    {"atlas", .8, 2, false, true, 9, "fixed"},
                    {"per_dataset", .8, 2, false, true, 10, "fixed"},
                    {"probe", .9, 1, false, false, 3, "probe"},
                    {"amortised", 1.7, 3, false, true, 15, "point"},
                    {"vtvc", 1.9, 3, true, true, 19, "spike_slab"},
                    {"vtvc_coefficient", 1.6, 1, true, true, 20, "spike_slab"}});
    write_protocol(writer, Protocol::addition, {greek, fashion},
                   {{"zero_shot", .3, 1, false, false},
                    {"average", 1, 1, false, false},
                    {"ties", 1.1, 1, false, false},
                    {"per_dataset", 2, 2, false, true, 12, "fixed"},
                    {"vtvc", 2.1, 2, true, true, 25, "spike_slab"},
                    {"individual", 2.2, 1, false, false}});
    return root / "out";
}

}  // namespace vtvc::testing
