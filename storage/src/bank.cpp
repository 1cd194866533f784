#include "vtvc/storage/bank.hpp"

#include <cmath>

#include "bank_layout.hpp"
#include "h5_reader.hpp"

namespace vtvc {

struct Bank::Impl {
    h5::Reader reader;
    std::string base_hash, model_meta;
    std::vector<std::string> task_names;
    std::vector<Block> blocks;
    std::vector<double> norms;
    double base_norm = 0;

    const Block& block(std::int64_t index) const {
        if (index < 0 || index >= static_cast<std::int64_t>(blocks.size()))
            reader.refuse("block {} asked for, it has {}", index, blocks.size());
        return blocks[static_cast<std::size_t>(index)];
    }
    std::int64_t task(std::int64_t index) const {
        if (index < 0 || index >= static_cast<std::int64_t>(task_names.size()))
            reader.refuse("task vector {} asked for, it has {}", index, task_names.size());
        return index;
    }
};

std::int64_t Block::elements() const { return h5::elements_of(shape, name); }

Bank::Bank(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bank::~Bank() = default;
Bank::Bank(Bank&&) noexcept = default;
Bank& Bank::operator=(Bank&&) noexcept = default;

Bank Bank::open(const std::filesystem::path& path) {
    auto impl =
        std::make_unique<Impl>(Impl{h5::Reader::open(path, kBankKind, kBankVersion), {}, {}, {}, {}, {}, 0});
    const auto& reader = impl->reader;
    impl->base_hash = reader.text_attribute("/", "base_hash");
    impl->model_meta = reader.text("model");
    impl->task_names = reader.texts("task_names");
    const auto tasks = static_cast<std::int64_t>(impl->task_names.size());
    if (tasks == 0) reader.refuse("holds no task vectors");
    for (const auto& name : reader.texts("blocks")) {
        Block block{name, reader.about(base_place(name)).shape};
        reader.expect(base_place(name), h5::Type::f32, block.shape);
        h5::Shape stacked{tasks};
        stacked.insert(stacked.end(), block.shape.begin(), block.shape.end());
        const auto& vectors = reader.expect(tasks_place(name), h5::Type::f32, stacked);
        if (vectors.rows_per_checksum != 1)
            reader.refuse("'{}' has no checksum for each task", tasks_place(name));
        impl->blocks.push_back(std::move(block));
    }
    if (impl->blocks.empty()) reader.refuse("holds no blocks");
    impl->norms = reader.reals("/", "norms", {tasks}).values;
    impl->base_norm = reader.reals("/", "base_norm", {}).values.at(0);
    return Bank(std::move(impl));
}

const std::string& Bank::path() const { return impl_->reader.path(); }
const std::string& Bank::hash() const { return impl_->reader.content_hash(); }
const std::string& Bank::base_hash() const { return impl_->base_hash; }
const std::string& Bank::model_meta() const { return impl_->model_meta; }
const std::vector<std::string>& Bank::task_names() const { return impl_->task_names; }
const std::vector<Block>& Bank::blocks() const { return impl_->blocks; }
double Bank::norm(std::int64_t task) const {
    return impl_->norms[static_cast<std::size_t>(impl_->task(task))];
}
double Bank::base_norm() const { return impl_->base_norm; }

void Bank::read_base(std::int64_t block, std::span<float> out) const {
    const auto name = base_place(impl_->block(block).name);
    impl_->reader.read(name, 0, impl_->reader.about(name).rows(), std::as_writable_bytes(out));
}

void Bank::read_task(std::int64_t block, std::int64_t task, std::span<float> out) const {
    impl_->reader.read(tasks_place(impl_->block(block).name), impl_->task(task), 1,
                       std::as_writable_bytes(out));
}

}  // namespace vtvc
