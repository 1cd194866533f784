#include "bench_parts.hpp"

#include <dlfcn.h>
#include <torch/torch.h>

#include "vtvc/composition/plain.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

void use_threads(std::int64_t threads) {
    at::set_num_threads(static_cast<int>(threads));
    using Set = void (*)(int);
    if (const auto set = reinterpret_cast<Set>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
        set(static_cast<int>(threads));
}

BankView random_bank(const std::vector<Block>& blocks, const std::vector<at::Tensor>& base,
                     std::int64_t tasks, StorageKind kind) {
    std::vector<std::string> names;
    for (std::int64_t k = 0; k < tasks; ++k) names.push_back(fmt::format("task{}", k));
    std::vector<StoredBlock> stored;
    for (const at::Tensor& w : base) {
        std::vector<std::int64_t> shape = w.sizes().vec();
        shape.insert(shape.begin(), tasks);
        stored.push_back(StoredBlock::rounded(w, torch::randn(shape) * 1e-3, kind));
    }
    return BankView(blocks, names, std::move(stored), Partition::tensor);
}

at::Tensor random_coefficients(std::int64_t samples, std::int64_t tasks, std::int64_t blocks,
                               std::int64_t active) {
    const at::Tensor z = torch::rand({samples, tasks, blocks}) + .1;
    const at::Tensor rank =
        torch::rand({samples, tasks, blocks}).argsort(std::int64_t{1}).argsort(std::int64_t{1});
    return at::where(rank < active, z, at::zeros_like(z));
}

ProductRounds::ProductRounds(Clock clock, std::int64_t samples, std::int64_t tokens, std::int64_t inputs,
                             std::int64_t outputs)
    : rounds_(clock),
      samples_(samples),
      tokens_(tokens),
      inputs_(inputs),
      outputs_(outputs),
      x_(torch::randn({samples, tokens, inputs})),
      base_(torch::randn({outputs, inputs}) * .03) {
    blas_ = rounds_.add([this] { at::mm(x_.view({-1, inputs_}), base_.t()); });
    own_ = rounds_.add([this] { PlainWeights({base_}).linear(x_, 0, -1); });
}

const BankView& ProductRounds::bank(std::int64_t tasks, StorageKind kind) {
    const auto key = std::pair{tasks, kind};
    auto found = banks_.find(key);
    if (found == banks_.end())
        found =
            banks_.emplace(key, random_bank({{"weight", {outputs_, inputs_}}}, {base_}, tasks, kind)).first;
    return found->second;
}

std::size_t ProductRounds::add(std::int64_t tasks, std::int64_t active, StorageKind kind) {
    const BankView& own = bank(tasks, kind);
    const at::Tensor z = random_coefficients(samples_, tasks, 1, active);
    return rounds_.add([this, &own, z] { make_composed(own, z)->linear(x_, 0, -1); });
}

std::string ProductRounds::fastest_name() const {
    return fastest() == blas_ ? "torch's BLAS" : "the engine's own plain product";
}

double ProductRounds::plain_gflops() const {
    return 2e-9 * static_cast<double>(samples_ * tokens_ * inputs_ * outputs_) / rounds_.seconds(fastest());
}

}  // namespace vtvc
