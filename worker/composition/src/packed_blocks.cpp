#include "packed_blocks.hpp"

#include <torch/torch.h>

#include "vtvc/composition/settings.hpp"

namespace vtvc {

StackedMatrices engine_matrices(const StackedMatrix& matrix, Side side) {
    const std::int64_t elements = matrix.rows * matrix.columns;
    const StackedMatrices rows_out{matrix.stacked.data_ptr<float>(),
                                   matrix.tasks(),
                                   matrix.rows,
                                   matrix.columns,
                                   elements,
                                   matrix.columns,
                                   1};
    const bool rows_are_outputs = matrix.layout == Layout::outputs_first;
    return rows_are_outputs == (side == Side::forward) ? rows_out : rows_out.transposed();
}

void PackedBlocks::with(std::int64_t block, const StackedMatrix& matrix, Side side,
                        const std::function<void(const PackedBank&)>& use) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find({block, side});
    if (found != held_.end()) return use(found->second);
    const StackedMatrices matrices = engine_matrices(matrix, side);
    const std::int64_t bytes = PackedBank::size_bytes(matrices);
    if (held_bytes_ + bytes > composition_settings().packed_bytes) {
        passing_.assign(matrices);
        return use(passing_);
    }
    held_bytes_ += bytes;
    use(held_.emplace(std::pair{block, side}, matrices).first->second);
}

}  // namespace vtvc
