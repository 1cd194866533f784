#include "vtvc/composition/stored_block.hpp"

#include <torch/torch.h>

#include <algorithm>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

std::size_t count_of(const at::Tensor& t) { return static_cast<std::size_t>(t.numel()); }
const std::uint16_t* bf16_data(const at::Tensor& t) {
    return reinterpret_cast<const std::uint16_t*>(t.data_ptr<at::BFloat16>());
}
std::int64_t bytes_of(const at::Tensor& t) {
    return t.defined() ? t.numel() * static_cast<std::int64_t>(t.element_size()) : 0;
}

}  // namespace

StoredBlock StoredBlock::read(const Bank& bank, std::int64_t block, const std::vector<std::int64_t>& tasks) {
    const Block& about = bank.blocks()[static_cast<std::size_t>(block)];
    StoredBlock own;
    own.rows_ = about.shape.empty() ? 1 : about.shape[0];
    own.columns_ = own.rows_ == 0 ? 0 : about.elements() / own.rows_;
    own.base_ = at::empty(about.shape, at::kFloat);
    bank.read_base(block, {own.base_.data_ptr<float>(), count_of(own.base_)});
    const std::vector<std::int64_t> shape{own.rows_, own.columns_};
    for (const std::int64_t k : tasks) {
        Task task;
        task.kind = bank.storage(block, k);
        switch (task.kind) {
            case StorageKind::zero:
                break;
            case StorageKind::f32:
                task.numbers = at::empty(shape, at::kFloat);
                bank.read_task(block, k, {task.numbers.data_ptr<float>(), count_of(task.numbers)});
                break;
            case StorageKind::bf16:
                task.numbers = at::empty(shape, at::kBFloat16);
                bank.read_bf16_rows(block, k, 0, own.rows_,
                                    {reinterpret_cast<std::uint16_t*>(task.numbers.data_ptr<at::BFloat16>()),
                                     count_of(task.numbers)});
                break;
            case StorageKind::int8:
                task.numbers = at::empty(shape, at::kChar);
                task.scales = at::empty({own.rows_}, at::kFloat);
                bank.read_int8_rows(block, k, 0, own.rows_,
                                    {task.numbers.data_ptr<std::int8_t>(), count_of(task.numbers)},
                                    {task.scales.data_ptr<float>(), count_of(task.scales)});
                break;
            case StorageKind::low_rank:
                task.factors = bank.read_factors(block, k);
                break;
        }
        own.tasks_.push_back(std::move(task));
    }
    return own;
}

StoredBlock StoredBlock::rounded(const at::Tensor& base, const at::Tensor& tau, StorageKind kind) {
    StoredBlock own;
    own.base_ = base.detach().contiguous();
    own.rows_ = base.size(0);
    own.columns_ = base.numel() / std::max<std::int64_t>(1, own.rows_);
    for (std::int64_t k = 0; k < tau.size(0); ++k) {
        const at::Tensor values = tau[k].detach().reshape({own.rows_, own.columns_});
        Task task{kind, values.contiguous(), {}, {}};
        if (kind == StorageKind::bf16) {
            task.numbers = values.to(at::kBFloat16).contiguous();
        } else if (kind == StorageKind::int8) {
            task.scales = (values.abs().amax(1) / 127).contiguous();
            task.numbers = (values / task.scales.clamp_min(1e-30).unsqueeze(1))
                               .round()
                               .clamp(-127, 127)
                               .to(at::kChar)
                               .contiguous();
        } else if (kind != StorageKind::f32) {
            fail<NumericError>("task vectors are rounded to f32, bf16 or int8, not to {}", name_of(kind));
        }
        own.tasks_.push_back(std::move(task));
    }
    return own;
}

bool StoredBlock::all_f32() const {
    return std::all_of(tasks_.begin(), tasks_.end(),
                       [](const Task& task) { return task.kind == StorageKind::f32; });
}

StoredMatrices StoredBlock::matrices(bool rows_are_outputs) const {
    using Kind = StoredMatrix::Kind;
    StoredMatrices m{base_.data_ptr<float>(), rows_, columns_, {}, rows_are_outputs};
    for (const Task& task : tasks_) {
        StoredMatrix own;
        switch (task.kind) {
            case StorageKind::zero:
                break;
            case StorageKind::f32:
                own.kind = Kind::f32;
                own.f32 = task.numbers.data_ptr<float>();
                break;
            case StorageKind::bf16:
                own.kind = Kind::bf16;
                own.bf16 = bf16_data(task.numbers);
                break;
            case StorageKind::int8:
                own.kind = Kind::int8;
                own.int8 = task.numbers.data_ptr<std::int8_t>();
                own.scales = task.scales.data_ptr<float>();
                break;
            case StorageKind::low_rank:
                own.kind = Kind::low_rank;
                for (const Factors& f : task.factors)
                    own.factors.push_back({f.first_row, f.rows, f.rank, f.left.data(), f.right.data()});
                break;
        }
        m.tasks.push_back(std::move(own));
    }
    return m;
}

at::Tensor StoredBlock::expanded(const Task& task) const {
    if (task.kind == StorageKind::int8) return task.numbers.to(at::kFloat) * task.scales.unsqueeze(1);
    if (task.numbers.defined()) return task.numbers.to(at::kFloat);
    const at::Tensor sum = at::zeros({rows_, columns_}, at::kFloat);
    for (const Factors& f : task.factors) {
        const at::Tensor left = at::from_blob(const_cast<float*>(f.left.data()), {f.rows, f.rank});
        const at::Tensor right = at::from_blob(const_cast<float*>(f.right.data()), {f.rank, columns_});
        sum.narrow(0, f.first_row, f.rows).addmm_(left, right);
    }
    return sum;
}

at::Tensor StoredBlock::expanded() const {
    const at::Tensor all = at::empty({1 + tasks(), base_.numel()}, at::kFloat);
    all[0].copy_(base_.reshape({-1}));
    for (std::int64_t k = 0; k < tasks(); ++k)
        all[k + 1].copy_(expanded(tasks_[static_cast<std::size_t>(k)]).view({-1}));
    return all;
}

std::int64_t StoredBlock::stored_bytes() const {
    std::int64_t bytes = 0;
    for (const Task& task : tasks_) {
        bytes += bytes_of(task.numbers) + bytes_of(task.scales);
        for (const Factors& f : task.factors)
            bytes += static_cast<std::int64_t>((f.left.size() + f.right.size()) * sizeof(float));
    }
    return bytes;
}

}  // namespace vtvc
