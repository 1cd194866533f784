// Memory of a training step, counted from torch's own reports of what it allocates and frees.
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>

#include "bench_parts.hpp"
#include "vtvc/composition/plain.hpp"
#include "vtvc/composition/settings.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {
namespace {

/// Torch counts totals in int64_t up to 1.13 and in size_t later.
template <class T>
T total_of(void (c10::MemoryReportingInfoBase::*)(void*, std::int64_t, T, T, c10::Device));
using Total = decltype(total_of(&c10::MemoryReportingInfoBase::reportMemoryUsage));

class Counter final : public c10::MemoryReportingInfoBase {
  public:
    explicit Counter(const std::function<std::int64_t()>& spare) : spare_(spare) {}
    bool memoryProfilingEnabled() const override { return true; }
    void reportMemoryUsage(void*, std::int64_t size, Total, Total, c10::Device) override { count(size); }
    std::int64_t most() const { return most_; }

  private:
    void count(std::int64_t size) {
        now_ += size;
        most_ = std::max(most_, now_ - spare_());
    }
    const std::function<std::int64_t()>& spare_;
    std::int64_t now_ = 0, most_ = 0;
};

}  // namespace

std::int64_t peak_bytes(const std::function<void()>& run, const std::function<std::int64_t()>& spare) {
    const auto counter = std::make_shared<Counter>(spare);
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
    run();
    return counter->most();
}

double memory_ratio(const BenchJob& job, const BankView& bank, const std::vector<at::Tensor>& base) {
    const Vit vit(job.model);
    const at::Tensor images = torch::randn({job.batch, job.model.channels, job.model.image, job.model.image});
    const at::Tensor slope = torch::randn({job.batch, job.model.output});

    // Fine-tuning, and of its weight gradients those that are there already.
    std::int64_t gradients = 0;
    std::vector<at::Tensor> weights;
    for (const at::Tensor& w : base) {
        weights.push_back(w.detach().clone().requires_grad_());
        weights.back().register_hook([&gradients](const at::Tensor& g) {
            gradients += g.numel() * static_cast<std::int64_t>(g.element_size());
        });
    }
    const std::int64_t plain = peak_bytes(
        [&] {
            PlainWeights own(weights);
            (vit.forward(images, own) * slope).sum().backward();
        },
        [&] { return gradients; });

    const auto blocks = bank.coefficients();
    const at::Tensor z = random_coefficients(job.batch, job.tasks, blocks, job.tasks).requires_grad_();
    const std::int64_t composed = peak_bytes(
        [&] {
            const auto own = make_composed(bank, z);
            (vit.forward(images, *own) * slope).sum().backward();
        },
        [] { return std::int64_t{0}; });
    return static_cast<double>(composed + engine_scratch_bytes()) / static_cast<double>(plain);
}

}  // namespace vtvc
