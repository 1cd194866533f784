#include "packed_blocks.hpp"

#include <torch/torch.h>

#include "vtvc/composition/settings.hpp"

namespace vtvc {

StoredMatrices engine_matrices(const BankView& bank, std::int64_t block, Layout layout) {
    const bool rows_are_outputs = layout == Layout::outputs_first;
    if (const StoredBlock* stored = bank.stored(block)) return stored->matrices(rows_are_outputs);
    const at::Tensor all = bank.stacked(block);
    const std::int64_t elements = all.size(1), rows = bank.base(block).size(0);
    const float* data = all.data_ptr<float>();
    StoredMatrices m{data, rows, rows == 0 ? 0 : elements / rows, {}, rows_are_outputs};
    for (std::int64_t k = 1; k <= bank.tasks(); ++k) {
        StoredMatrix task;
        task.kind = StoredMatrix::Kind::f32;
        task.f32 = data + k * elements;
        m.tasks.push_back(task);
    }
    return m;
}

void PackedBlocks::with(std::int64_t block, const StoredMatrices& forward, Side side,
                        const std::function<void(const PackedBank&)>& use) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find({block, side});
    if (found != held_.end()) return use(found->second);
    const StoredMatrices matrices = side == Side::forward ? forward : forward.transposed();
    const std::int64_t bytes = PackedBank::size_bytes(matrices);
    if (held_bytes_ + bytes > composition_settings().packed_bytes) {
        passing_.assign(matrices);
        return use(passing_);
    }
    held_bytes_ += bytes;
    use(held_.emplace(std::pair{block, side}, matrices).first->second);
}

}  // namespace vtvc
