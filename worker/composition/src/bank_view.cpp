#include <torch/torch.h>

#include <algorithm>
#include <sstream>

#include "packed_blocks.hpp"
#include "vtvc/composition/composed.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

std::string shape_text(at::IntArrayRef shape) {
    std::ostringstream text;
    text << shape;
    return text.str();
}

}  // namespace

BankView::BankView(std::vector<Block> blocks, std::vector<std::string> task_names,
                   std::vector<at::Tensor> base, std::vector<at::Tensor> tau, Partition partition)
    : blocks_(std::move(blocks)),
      task_names_(std::move(task_names)),
      partition_(partition_blocks(partition, blocks_)),
      base_(std::move(base)),
      stored_(blocks_.size()),
      packed_(std::make_shared<PackedBlocks>()) {
    if (task_names_.empty())
        fail<NumericError>("a bank without task vectors composes nothing; keep one at least");
    if (base_.size() != blocks_.size() || tau.size() != blocks_.size())
        fail<NumericError>("{} blocks need as many base tensors and task tensors, not {} and {}",
                           blocks_.size(), base_.size(), tau.size());
    for (std::size_t j = 0; j < blocks_.size(); ++j) {
        std::vector<std::int64_t> stacked{tasks()};
        stacked.insert(stacked.end(), blocks_[j].shape.begin(), blocks_[j].shape.end());
        if (base_[j].sizes() != at::IntArrayRef(blocks_[j].shape) ||
            tau[j].sizes() != at::IntArrayRef(stacked))
            fail<NumericError>("block {} should have base {} and task vectors {}, not {} and {}",
                               blocks_[j].name, shape_text(blocks_[j].shape), shape_text(stacked),
                               shape_text(base_[j].sizes()), shape_text(tau[j].sizes()));
        const std::int64_t elements = base_[j].numel();
        stacked_.push_back(
            at::cat({base_[j].detach().reshape({1, elements}), tau[j].detach().reshape({-1, elements})}));
        base_[j] = stacked_[j][0].view(blocks_[j].shape);
    }
}

BankView::BankView(std::vector<Block> blocks, std::vector<std::string> task_names,
                   std::vector<StoredBlock> stored, Partition partition, at::ScalarType type)
    : blocks_(std::move(blocks)),
      task_names_(std::move(task_names)),
      partition_(partition_blocks(partition, blocks_)),
      packed_(std::make_shared<PackedBlocks>()) {
    if (stored.size() != blocks_.size())
        fail<NumericError>("{} blocks need as many stored ones, not {}", blocks_.size(), stored.size());
    for (std::size_t j = 0; j < blocks_.size(); ++j) {
        StoredBlock& own = stored[j];
        if (own.base().sizes() != at::IntArrayRef(blocks_[j].shape) || own.tasks() != tasks())
            fail<NumericError>("block {} should have shape {} and {} task vectors, not {} and {}",
                               blocks_[j].name, shape_text(blocks_[j].shape), tasks(),
                               shape_text(own.base().sizes()), own.tasks());
        if (type == at::kFloat && blocks_[j].shape.size() >= 2 && !own.all_f32()) {
            base_.push_back(own.base());
            stacked_.emplace_back();
            stored_.push_back(std::make_shared<const StoredBlock>(std::move(own)));
            continue;
        }
        stacked_.push_back(own.expanded().to(type));
        base_.push_back(stacked_[j][0].view(blocks_[j].shape));
        stored_.emplace_back();
        own = StoredBlock();
    }
}

at::Tensor BankView::stacked(std::int64_t block) const {
    const StoredBlock* own = stored(block);
    return own == nullptr ? stacked_[static_cast<std::size_t>(block)] : own->expanded();
}

std::int64_t BankView::packed_copies() const { return packed_->copies(); }
std::int64_t BankView::packed_bytes() const { return packed_->held_bytes(); }

BankView BankView::load(const Bank& bank, Partition partition, const std::vector<std::string>& exclude,
                        at::ScalarType type) {
    const std::vector<std::string>& all = bank.task_names();
    for (const std::string& name : exclude)
        if (std::find(all.begin(), all.end(), name) == all.end())
            fail<ConfigError>("bank {} has no task vector '{}' to leave out; it has: {}", bank.path(), name,
                              fmt::join(all, ", "));
    std::vector<std::int64_t> kept;
    std::vector<std::string> names;
    for (std::int64_t task = 0; task < bank.tasks(); ++task) {
        const std::string& name = all[static_cast<std::size_t>(task)];
        if (std::find(exclude.begin(), exclude.end(), name) != exclude.end()) continue;
        kept.push_back(task);
        names.push_back(name);
    }
    if (kept.empty())
        fail<ConfigError>("bank {} is left without a task vector (all {} are excluded); keep one at least",
                          bank.path(), all.size());

    std::vector<StoredBlock> stored;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j)
        stored.push_back(StoredBlock::read(bank, static_cast<std::int64_t>(j), kept));
    return BankView(bank.blocks(), std::move(names), std::move(stored), partition, type);
}

std::vector<at::Tensor> merge(const BankView& bank, const at::Tensor& z) {
    if (z.dim() != 2 || z.size(0) != bank.tasks() || z.size(1) != bank.coefficients())
        fail<NumericError>("coefficients of shape {} do not fit the bank's [{}, {}]", shape_text(z.sizes()),
                           bank.tasks(), bank.coefficients());
    std::vector<at::Tensor> merged;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j) {
        const auto id = static_cast<std::int64_t>(j);
        const at::Tensor column = z.select(1, bank.partition().index[j]).unsqueeze(0);
        merged.push_back(at::addmm(bank.base(id).view({1, -1}), column, bank.tau(id)).view_as(bank.base(id)));
    }
    return merged;
}

}  // namespace vtvc
