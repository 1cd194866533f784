#include "planted.hpp"

#include <torch/torch.h>

#include <cstdlib>
#include <numeric>

#include "vtvc/core/random.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc::testing {
namespace {

constexpr std::int64_t side = 8;

at::Tensor normals(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint64_t which) {
    at::Tensor values = torch::empty(shape);
    Stream random(seed, Purpose::initialise, which, 77);
    for (float& value : std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()))) {
        value = static_cast<float>(random.normal());
    }
    return values;
}

SplitData noise_images(std::int64_t rows, std::int64_t first_id, std::uint64_t seed) {
    SplitData data;
    for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t id = first_id + i;
        Stream random(seed, Purpose::render, static_cast<std::uint64_t>(id));
        const auto subdomain = static_cast<std::int64_t>(random.below(Planted::subdomains));
        for (std::int64_t y = 0; y < side; ++y) {
            for (std::int64_t x = 0; x < side; ++x) {
                const bool bright = (subdomain == 0 ? y : subdomain == 1 ? x : x + y) % 2 == 0;
                data.images.push_back(static_cast<std::uint8_t>(
                    std::clamp((bright ? 150.0 : 70.0) + 60 * random.normal(), 0.0, 255.0)));
            }
        }
        data.ids.push_back(id);
        data.groups.push_back(-1);
        data.subdomains.push_back(static_cast<std::int32_t>(subdomain));
        data.labels.push_back(0);
    }
    return data;
}

const std::atomic<bool> never{false};

}  // namespace

Planted::Planted(std::int64_t classes, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    std::string pattern = (std::filesystem::temp_directory_path() / "vtvc-planted-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ModelKeys keys;
    keys.image = side;
    keys.patch = 4;
    keys.width = 16;
    keys.depth = 1;
    keys.heads = 2;
    keys.mlp = 32;
    keys.output = 16;
    keys.pixel_mean = {.4};
    keys.pixel_sd = {.25};
    const Vit vit(keys);
    const std::vector<at::Tensor> base = vit.initialise(seed);
    save_model(folder_ / "base.h5", vit, base, "", "{}");
    const std::string base_hash = content_hash_of((folder_ / "base.h5").string());

    std::vector<std::vector<at::Tensor>> truth;
    std::vector<std::pair<std::string, std::filesystem::path>> tasks;
    for (std::int64_t s = 0; s < subdomains; ++s) {
        std::vector<at::Tensor> blocks;
        for (std::size_t j = 0; j < base.size(); ++j) {
            const at::Tensor step =
                normals(base[j].sizes().vec(), seed, static_cast<std::uint64_t>(100 * (s + 1)) + j);
            blocks.push_back(base[j] +
                             step * (.35 * std::max(.05, base[j].norm().item<double>()) / step.norm()));
        }
        const std::string name = "view" + std::to_string(s);
        save_model(folder_ / (name + ".h5"), vit, blocks, base_hash, "{}");
        tasks.emplace_back(name, folder_ / (name + ".h5"));
        truth.push_back(std::move(blocks));
    }
    build_bank(folder_ / "bank.h5", folder_ / "base.h5", tasks, {random_vectors, seed, {}});

    DatasetContents contents;
    contents.name = "planted";
    contents.height = contents.width = side;
    for (std::int64_t c = 0; c < classes; ++c) contents.class_names.push_back("class" + std::to_string(c));
    for (std::int64_t s = 0; s < subdomains; ++s)
        contents.subdomain_names.push_back("view" + std::to_string(s));
    contents.train = noise_images(2400, 0, seed);
    contents.validation = noise_images(600, 100000, seed);
    contents.test = noise_images(64, 200000, seed);
    Head head;
    std::vector<at::Tensor> directions;
    head.weight = normals({classes, keys.output}, seed, 1000);
    // Directions that all images of a sub-domain share would decide the label alone: the head does not look
    // there.
    const ImageSet sample("planted", side, side, 1, contents.train, keys);
    for (const std::vector<at::Tensor>& blocks : truth) {
        at::Tensor shared = plain_features(vit, blocks, sample);
        shared = (shared / shared.norm(2, 1, true)).mean(0);
        shared = shared / shared.norm();
        directions.push_back(shared);
    }
    const at::Tensor basis = std::get<0>(torch::linalg_qr(torch::stack(directions, 1)));
    head.weight = head.weight - torch::matmul(torch::matmul(head.weight, basis), basis.t());
    head.weight = head.weight / head.weight.norm(2, 1, true);
    head.scale = 16;
    head.base_hash = base_hash;
    save_head(folder_ / "head.h5", head, "{}");

    for (SplitData* rows : {&contents.train, &contents.validation, &contents.test}) {
        const ImageSet images("planted", side, side, 1, *rows, keys);
        for (std::int64_t s = 0; s < subdomains; ++s) {
            const at::Tensor labels =
                head.logits(plain_features(vit, truth[static_cast<std::size_t>(s)], images)).argmax(1);
            for (std::size_t i = 0; i < rows->labels.size(); ++i) {
                if (rows->subdomains[i] == s)
                    rows->labels[i] =
                        static_cast<std::int32_t>(labels[static_cast<std::int64_t>(i)].item<std::int64_t>());
            }
        }
    }
    write_dataset(folder_ / "data.h5", contents);
    TaskRow row;
    row.name = "planted";
    row.data = (folder_ / "data.h5").string();
    row.head = (folder_ / "head.h5").string();
    problem_ = std::make_unique<Problem>((folder_ / "bank.h5").string(), std::vector<std::string>{},
                                         Partition::layer, std::vector<TaskRow>{row});
    problem_->read_training({}, 0);
}

Planted::~Planted() { std::filesystem::remove_all(folder_); }

PosteriorJob Planted::job() const {
    PosteriorJob job;
    job.protocol = Protocol::heterogeneous;
    job.partition = Partition::layer;
    job.train = {.steps = 800, .batch = 64, .warmup = 20, .lr = 1e-2, .weight_decay = 0, .clip = 5};
    job.posterior.mean_start = .5;
    job.prior.inclusion = .2;
    job.prior.warmup = 400;  // coefficients grow to 1 before vectors that do not help are dropped
    job.gate.on = Gate::off;
    job.relaxation.temperature = .5;
    job.common.checkpoint_every = 0;
    return job;
}

TrainedBy Planted::train(const PosteriorJob& job) {
    const auto self = make_self();
    RunFolder folder = RunFolder::claim(folder_, "run" + std::to_string(runs_++));
    RunContext context{*self, &folder, folder.path(), job.common, never};
    return train_method(context, job, *problem_);
}

at::Tensor Planted::hard_share(const TrainedMethod& method) const {
    const Rows& rows = problem_->tasks()[0].validation;
    at::Tensor share = torch::zeros({subdomains, problem_->bank().tasks()}),
               count = torch::zeros({subdomains, 1});
    for_each_chunk(
        *problem_, 0, rows, *make_self(), [&](const Batch& batch, std::int64_t valid, std::int64_t first) {
            const Answer answer = method.answer(*problem_, batch, Mode::hard, 1);
            const at::Tensor on = (answer.z != 0).any(2).to(at::kFloat);
            for (std::int64_t i = 0; i < valid; ++i) {
                const std::int64_t s = rows.images.data().subdomains[static_cast<std::size_t>(first + i)];
                share[s] += on[i];
                count[s] += 1;
            }
        });
    return share / count;
}

double Planted::mean_inclusion(const TrainedMethod& method) const {
    double sum = 0, rows = 0;
    for_each_chunk(*problem_, 0, problem_->tasks()[0].validation, *make_self(),
                   [&](const Batch& batch, std::int64_t valid, std::int64_t) {
                       const Answer answer = method.answer(*problem_, batch, Mode::mean, 1);
                       sum += answer.inclusion.narrow(0, 0, valid).mean().item<double>() *
                              static_cast<double>(valid);
                       rows += static_cast<double>(valid);
                   });
    return sum / rows;
}

double Planted::accuracy(const TrainedMethod& method) const {
    return validate_method(*problem_, method, *make_self()).at("accuracy");
}

double Planted::base_accuracy() const {
    return accuracy(
        *make_fixed(torch::zeros({1, problem_->bank().tasks(), problem_->bank().coefficients()})));
}

}  // namespace vtvc::testing
