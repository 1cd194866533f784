#include "vtvc/methods/tangents.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "vtvc/core/error.hpp"
#include "vtvc/methods/method.hpp"

namespace vtvc {
namespace {

/// Where in the file each of the rows lies; −1: nowhere.
std::vector<std::int64_t> places(const StoredTangent& tangent, const Rows& rows) {
    std::unordered_map<std::int64_t, std::int64_t> by_id;
    for (std::size_t i = 0; i < tangent.ids().size(); ++i)
        by_id.emplace(tangent.ids()[i], static_cast<std::int64_t>(i));
    std::vector<std::int64_t> found;
    for (std::int64_t row = 0; row < rows.count(); ++row) {
        const auto at = by_id.find(rows.images.id(row));
        found.push_back(at == by_id.end() ? -1 : at->second);
    }
    return found;
}

}  // namespace

std::map<std::string, double> TangentDistance::named() const {
    return {{"rows", static_cast<double>(rows)},
            {"mean", mean},
            {"most", most},
            {"relative", relative},
            {"agreement", agreement},
            {"accuracy", accuracy}};
}

std::string TangentDistance::text() const {
    return fmt::format(
        "the tangent's logits differ from the exact ones by {:.3g} in the mean and {:.3g} at most, {:.0f} % "
        "of "
        "their change from the point of expansion; the top class agrees on {:.1f} % of {} validation rows "
        "(accuracy of the tangent itself {:.4f})",
        mean, most, 100 * relative, 100 * agreement, rows, accuracy);
}

Tangents Tangents::open(const Problem& problem, const PosteriorJob& job) {
    Tangents made;
    for (const ProblemTask& task : problem.tasks()) {
        const Jacobian file = Jacobian::open(task.row.jacobian);
        file.expect({problem.base_hash(), problem.bank_hash(), task.dataset->hash(), task.head.hash,
                     name_of(job.partition), problem.bank().task_names()});
        Task own{
            {file.about(), file.read(Split::train)}, {file.about(), file.read(Split::validation)}, {}, {}};
        own.train_place = places(own.train, task.train);
        own.validation_place = places(own.validation, task.validation);
        const auto missing = std::count(own.train_place.begin(), own.train_place.end(), -1);
        if (missing > 0) {
            fail<StorageError>(
                "{}: lacks {} of the {} training rows of '{}' (it was computed for other rows); compute it "
                "with this job's rows.first and rows.count",
                task.row.jacobian, missing, task.train.count(), task.row.name);
        }
        if (std::count(own.validation_place.begin(), own.validation_place.end(), -1) ==
            task.validation.count()) {
            fail<StorageError>(
                "{}: has none of the validation rows of '{}' (the tangent's error could not be told); "
                "compute "
                "it with rows.validation",
                task.row.jacobian, task.row.name);
        }
        made.tasks_.push_back(std::move(own));
    }
    return made;
}

SampleLosses Tangents::losses(const Problem& problem, const Batch& batch, const at::Tensor& z) const {
    return sample_losses(problem, batch, [&](std::int64_t t, const at::Tensor& samples) {
        const Task& task = tasks_[static_cast<std::size_t>(t)];
        std::vector<std::int64_t> rows;
        const auto index = samples.accessor<std::int64_t, 1>();
        for (std::int64_t i = 0; i < samples.size(0); ++i) {
            const auto row = static_cast<std::size_t>(batch.rows[static_cast<std::size_t>(index[i])]);
            rows.push_back(task.train_place[row]);
        }
        return task.train.logits(rows, z.index_select(0, samples));
    });
}

TangentDistance Tangents::distance(const Problem& problem,
                                   const std::function<at::Tensor(const Batch&)>& coefficients,
                                   Communicator& comm) const {
    const torch::NoGradGuard no_grad;
    enum : std::size_t { rows, numbers, absolute, squared, change, agree, right, count };
    std::array<double, count> sums{};
    double most = 0;
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
        const Task& task = tasks_[t];
        const auto look = [&](const Batch& batch, std::int64_t valid, std::int64_t) {
            std::vector<std::int64_t> kept, stored;
            for (std::int64_t i = 0; i < valid; ++i) {
                const auto row = static_cast<std::size_t>(batch.rows[static_cast<std::size_t>(i)]);
                if (task.validation_place[row] < 0) continue;
                kept.push_back(i);
                stored.push_back(task.validation_place[row]);
            }
            if (kept.empty()) return;
            const at::Tensor index = torch::tensor(kept), z = coefficients(batch);
            const at::Tensor features =
                problem.vit().forward(batch.images, *make_composed(problem.bank(), z));
            const at::Tensor exact =
                problem.tasks()[t].head.logits(features).index_select(0, index).to(at::kDouble);
            const at::Tensor tangent =
                task.validation.logits(stored, z.index_select(0, index)).to(at::kDouble);
            const at::Tensor start = task.validation.logits_at_centre(stored).to(at::kDouble);
            const at::Tensor error = tangent - exact, guess = tangent.argmax(1);
            sums[rows] += static_cast<double>(kept.size());
            sums[numbers] += static_cast<double>(error.numel());
            sums[absolute] += error.abs().sum().item<double>();
            sums[squared] += error.square().sum().item<double>();
            sums[change] += (exact - start).square().sum().item<double>();
            sums[agree] += (guess == exact.argmax(1)).sum().item<double>();
            sums[right] += (guess == batch.labels.index_select(0, index)).sum().item<double>();
            most = std::max(most, error.abs().max().item<double>());
        };
        for_each_chunk(problem, static_cast<std::int64_t>(t), problem.tasks()[t].validation, comm, look);
    }
    comm.all_reduce(std::span<double>(sums));
    comm.all_reduce(std::span(&most, 1), Reduce::max);
    TangentDistance found;
    found.rows = static_cast<std::int64_t>(sums[rows]);
    found.mean = sums[absolute] / sums[numbers];
    found.most = most;
    found.relative = sums[change] > 0 ? std::sqrt(sums[squared] / sums[change]) : 0;
    found.agreement = sums[agree] / sums[rows];
    found.accuracy = sums[right] / sums[rows];
    return found;
}

}  // namespace vtvc
