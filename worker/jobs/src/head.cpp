// kind = "head": a classifier on the base's features, frozen afterwards. Prototype: the normalised class
// means, in the spirit of a zero-shot head. Linear probe: cosine rows fitted by gradient descent. Each is
// stored as what it is.
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "kinds.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/methods/problem.hpp"

namespace vtvc {
namespace {

/// Features of all rows, each rank computing its share of the chunks. [rows, D] on every rank.
at::Tensor shared_features(Communicator& comm, const ModelFile& base, const ImageSet& images) {
    const std::int64_t chunks = (images.rows() + feature_chunk - 1) / feature_chunk;
    const Share share = share_of(chunks, comm.rank(), comm.size());
    const std::int64_t first = std::min(share.first * feature_chunk, images.rows());
    const std::int64_t count = std::min(share.count * feature_chunk, images.rows() - first);
    const at::Tensor mine = plain_features(base.vit, base.blocks, images, first, count).contiguous();
    at::Tensor all = torch::empty({images.rows(), base.vit.keys().output});
    float* out = all.data_ptr<float>();
    const std::span values(mine.data_ptr<float>(), static_cast<std::size_t>(mine.numel()));
    for (const auto& part : comm.all_gather(std::as_bytes(values))) {
        const auto* from = reinterpret_cast<const float*>(part.data());
        out = std::copy(from, from + part.size() / sizeof(float), out);
    }
    return all;
}

at::Tensor normalised_rows(const at::Tensor& x) { return x / x.norm(2, 1, true).clamp_min(1e-12); }

at::Tensor prototypes(const at::Tensor& features, const at::Tensor& labels, std::int64_t classes) {
    const at::Tensor sums =
        torch::zeros({classes, features.size(1)}).index_add_(0, labels, normalised_rows(features));
    return normalised_rows(sums);
}

at::Tensor probe(const at::Tensor& features, const at::Tensor& labels, const at::Tensor& start,
                 const HeadJob& job) {
    const at::Tensor x = normalised_rows(features);
    at::Tensor weight = start.clone().set_requires_grad(true);
    torch::optim::Adam optimizer({weight}, torch::optim::AdamOptions(job.probe_lr));
    for (std::int64_t step = 0; step < job.probe_steps; ++step) {
        optimizer.zero_grad();
        torch::nn::functional::cross_entropy(torch::matmul(x, normalised_rows(weight).t()) * job.scale,
                                             labels)
            .backward();
        optimizer.step();
    }
    return normalised_rows(weight.detach());
}

}  // namespace

bool run_head(RunContext& context, const HeadJob& job) {
    const ModelFile base = load_model(job.base);
    const Dataset dataset = Dataset::open(job.data);
    const ImageSet images(dataset, dataset.read(Split::train, job.window.first, job.window.count),
                          base.vit.keys());
    if (images.rows() == 0) fail<StorageError>("{}: the window holds no rows", job.data);
    const at::Tensor features = shared_features(context.comm, base, images);
    const auto& stored = images.data().labels;
    const at::Tensor labels = torch::tensor(std::vector<std::int64_t>(stored.begin(), stored.end()));
    const at::Tensor counts = torch::bincount(labels, {}, dataset.classes());
    if ((counts == 0).any().item<bool>()) {
        const auto missing = torch::nonzero(counts == 0)[0].item<std::int64_t>();
        fail<StorageError>(
            "{}: class '{}' has no row in the window (a head needs every class); widen data.count", job.data,
            dataset.class_names()[static_cast<std::size_t>(missing)]);
    }
    Head head;
    head.kind = job.head == HeadFit::linear_probe ? HeadKind::linear_probe : HeadKind::prototype;
    head.class_names = dataset.class_names();
    head.scale = job.scale;
    head.base_hash = base.hash;
    head.dataset_hash = dataset.hash();
    head.weight = prototypes(features, labels, dataset.classes());
    if (job.head == HeadFit::linear_probe) head.weight = probe(features, labels, head.weight, job);
    if (context.root()) {
        const nlohmann::json about{
            {"dataset", dataset.name()}, {"rows", images.rows()}, {"classes", dataset.class_names()}};
        save_head(context.path / "head.h5", head, about.dump());
    }
    return true;
}

bool run_features(RunContext& context, const FeaturesJob& job) {
    const ModelFile model = load_model(job.model);
    const Dataset dataset = Dataset::open(job.data);
    FeaturesContents contents;
    contents.dataset_hash = dataset.hash();
    contents.model_hash = model.hash;
    for (const auto& [split, rows] :
         {std::pair{Split::train, &contents.train}, std::pair{Split::validation, &contents.validation},
          std::pair{Split::test, &contents.test}}) {
        const ImageSet images(dataset, dataset.read(split), model.vit.keys());
        if (images.rows() == 0) continue;
        const at::Tensor features = shared_features(context.comm, model, images);
        rows->rows = features.size(0);
        rows->width = features.size(1);
        rows->values.assign(features.data_ptr<float>(), features.data_ptr<float>() + features.numel());
        rows->ids = images.data().ids;
    }
    if (context.root()) write_features(context.path / "features.h5", contents);
    return true;
}

}  // namespace vtvc
