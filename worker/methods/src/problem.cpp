#include "vtvc/methods/problem.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

ModelKeys keys_of_bank(const std::string& path) { return model_keys(Bank::open(path).model_meta()); }

/// Ids of different data sets must not share noise: the data set's place goes into the high bits.
std::int64_t combined_id(std::int64_t task, std::int64_t id) {
    return ((task + 1) << 32) | (id & 0xFFFFFFFF);
}

}  // namespace

at::Tensor plain_features(const Vit& vit, const std::vector<at::Tensor>& blocks, const ImageSet& images,
                          std::int64_t first, std::int64_t count) {
    const torch::NoGradGuard no_grad;
    PlainWeights weights(blocks);
    const std::int64_t end = count < 0 ? images.rows() : std::min(first + count, images.rows());
    at::Tensor features = torch::empty({end - first, vit.keys().output});
    // Fixed chunks, the last one padded: a row's features do not depend on how many are asked for.
    for (std::int64_t row = first; row < end; row += feature_chunk) {
        const std::int64_t valid = std::min(feature_chunk, end - row);
        std::vector<std::int64_t> index(static_cast<std::size_t>(feature_chunk), row);
        std::iota(index.begin(), index.begin() + valid, row);
        features.narrow(0, row - first, valid)
            .copy_(vit.forward(images.images(index), weights).narrow(0, 0, valid));
    }
    return features;
}

Problem::Problem(const std::string& bank_path, const std::vector<std::string>& exclude, Partition partition,
                 const std::vector<TaskRow>& tasks)
    : vit_(keys_of_bank(bank_path)) {
    const Bank bank = Bank::open(bank_path);
    bank_hash_ = bank.hash();
    base_hash_ = bank.base_hash();
    const std::vector<Block>& expected = vit_.blocks();
    const std::vector<Block>& found = bank.blocks();
    const bool same =
        expected.size() == found.size() &&
        std::equal(expected.begin(), expected.end(), found.begin(),
                   [](const Block& a, const Block& b) { return a.name == b.name && a.shape == b.shape; });
    if (!same) {
        fail<StorageError>(
            "{}: its blocks are not those of the architecture it states (a bank of another "
            "architecture); build it again from checkpoints of one architecture",
            bank_path);
    }
    bank_ = std::make_unique<BankView>(BankView::load(bank, partition, exclude));
    if (bank_->tasks() == 0) fail<ConfigError>("{}: no task vector is left to compose", bank_path);
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(expected.size()); ++j) {
        base_blocks_.push_back(bank_->base(j).view(expected[static_cast<std::size_t>(j)].shape));
    }
    for (const TaskRow& row : tasks) {
        ProblemTask task;
        task.row = row;
        if (!row.data.empty()) task.dataset = std::make_unique<Dataset>(Dataset::open(row.data));
        if (!row.features.empty()) {
            task.features = std::make_unique<Features>(
                Features::open(row.features, task.dataset ? task.dataset->hash() : "", base_hash_));
        }
        if (!row.head.empty()) {
            task.head = load_head(row.head, base_hash_);
            if (task.dataset && task.head.classes() != task.dataset->classes()) {
                fail<StorageError>(
                    "{}: the head tells {} classes apart, {} has {}; make a head for this data set", row.head,
                    task.head.classes(), row.data, task.dataset->classes());
            }
            if (task.head.width() != vit_.keys().output) {
                fail<StorageError>("{}: the head reads {} features, the model gives {}", row.head,
                                   task.head.width(), vit_.keys().output);
            }
        }
        const std::string& own = row.vector.empty() ? row.name : row.vector;
        const auto& names = bank_->task_names();
        const auto at = std::find(names.begin(), names.end(), own);
        if (at != names.end()) task.own_vector = at - names.begin();
        tasks_.push_back(std::move(task));
    }
}

Rows Problem::read(std::int64_t index, Split split, std::int64_t first, std::int64_t count) const {
    const ProblemTask& task = tasks_[static_cast<std::size_t>(index)];
    SplitData data = task.dataset->read(split, first, count);
    if (!task.features) {
        Rows rows;
        rows.images = ImageSet(*task.dataset, std::move(data), vit_.keys());
        rows.features = base_features(rows.images);
        return rows;
    }
    const FeatureRows features = task.features->read(split, first, count);
    if (features.ids != data.ids) {
        fail<StorageError>(
            "{}: its rows are not those of {} (features and images would be mixed up); compute the "
            "features again",
            task.row.features, task.row.data);
    }
    if (data.rows() == 0) {
        fail<StorageError>("{}: the {} split has no rows from {} on; change data.first or data.count",
                           task.row.data, split_name(split), first);
    }
    Rows rows;
    rows.images = ImageSet(*task.dataset, std::move(data), vit_.keys());
    rows.features = torch::empty({features.rows, features.width});
    std::copy(features.values.begin(), features.values.end(), rows.features.data_ptr<float>());
    return rows;
}

at::Tensor Problem::base_features(const ImageSet& images) const {
    return plain_features(vit_, base_blocks_, images);
}

void Problem::read_training(const WindowKeys& window, std::int64_t validation_rows) {
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
        tasks_[t].train = read(static_cast<std::int64_t>(t), Split::train, window.first, window.count);
        tasks_[t].validation = read(static_cast<std::int64_t>(t), Split::validation, 0, validation_rows);
    }
}

std::int64_t Problem::train_rows() const {
    return std::accumulate(
        tasks_.begin(), tasks_.end(), std::int64_t{0},
        [](std::int64_t sum, const ProblemTask& task) { return sum + task.train.count(); });
}

Batch Problem::batch_of(std::int64_t task, const Rows& from, std::span<const std::int64_t> rows,
                        BatchParts parts) const {
    Batch batch;
    if (parts == BatchParts::all) batch.images = from.images.images(rows);
    batch.labels = from.images.labels(rows);
    batch.task = torch::full({static_cast<std::int64_t>(rows.size())}, task, at::kLong);
    at::Tensor index = torch::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
    std::copy(rows.begin(), rows.end(), index.data_ptr<std::int64_t>());
    batch.features = from.features.index_select(0, index);
    for (const std::int64_t row : rows) batch.ids.push_back(combined_id(task, from.images.id(row)));
    batch.rows.assign(rows.begin(), rows.end());
    return batch;
}

Batch Problem::train_batch(std::span<const std::int64_t> rows, BatchParts which) const {
    // Samples are put in the order of their data sets: heads then work on whole slices.
    std::vector<std::vector<std::int64_t>> own(tasks_.size());
    for (std::int64_t row : rows) {
        std::size_t t = 0;
        while (row >= tasks_[t].train.count()) row -= tasks_[t++].train.count();
        own[t].push_back(row);
    }
    std::vector<Batch> parts;
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
        if (!own[t].empty())
            parts.push_back(batch_of(static_cast<std::int64_t>(t), tasks_[t].train, own[t], which));
    }
    if (parts.size() == 1) return std::move(parts.front());
    Batch batch;
    std::vector<at::Tensor> images, features, task, labels;
    for (Batch& part : parts) {
        images.push_back(part.images);
        features.push_back(part.features);
        task.push_back(part.task);
        labels.push_back(part.labels);
        batch.ids.insert(batch.ids.end(), part.ids.begin(), part.ids.end());
        batch.rows.insert(batch.rows.end(), part.rows.begin(), part.rows.end());
    }
    if (parts.empty()) return batch;
    if (which == BatchParts::all) batch.images = torch::cat(images);
    batch.features = torch::cat(features);
    batch.task = torch::cat(task);
    batch.labels = torch::cat(labels);
    return batch;
}

SampleLosses sample_losses(
    const Problem& problem, const Batch& batch,
    const std::function<at::Tensor(std::int64_t task, const at::Tensor& samples)>& logits_of) {
    std::vector<at::Tensor> losses, correct, order;
    for (std::int64_t t = 0; t < static_cast<std::int64_t>(problem.tasks().size()); ++t) {
        const at::Tensor samples = torch::nonzero(batch.task == t).view({-1});
        if (samples.numel() == 0) continue;
        const at::Tensor logits = logits_of(t, samples);
        const at::Tensor labels = batch.labels.index_select(0, samples);
        losses.push_back(-torch::log_softmax(logits, 1).gather(1, labels.unsqueeze(1)).squeeze(1));
        correct.push_back((logits.detach().argmax(1) == labels).to(logits.scalar_type()));
        order.push_back(samples);
    }
    const at::Tensor back = torch::cat(order).argsort();
    return {torch::cat(losses).index_select(0, back), torch::cat(correct).index_select(0, back)};
}

SampleLosses sample_losses(const Problem& problem, const at::Tensor& features, const Batch& batch) {
    return sample_losses(problem, batch, [&](std::int64_t task, const at::Tensor& samples) {
        return problem.tasks()[static_cast<std::size_t>(task)].head.logits(features.index_select(0, samples));
    });
}

}  // namespace vtvc
