#include "vtvc/storage/bank.hpp"

#include <array>

#include "bank_codec.hpp"
#include "bank_layout.hpp"
#include "h5_reader.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc {

namespace {
constexpr std::array<std::string_view, 5> kKindNames{"zero", "f32", "bf16", "int8", "lowrank"};
}

std::string_view name_of(StorageKind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

struct Bank::Impl {
    h5::Reader reader;
    std::string base_hash, model_meta, notes;
    std::vector<std::string> task_names, task_hashes;
    std::vector<Block> blocks;
    std::vector<std::uint8_t> kinds;  // [K, J]
    std::vector<std::int64_t> stored_bytes;
    std::vector<double> norms, cosines;
    std::vector<RoundingError> rounding;
    double base_norm = 0;

    const Block& block(std::int64_t index) const {
        if (index < 0 || index >= static_cast<std::int64_t>(blocks.size()))
            reader.refuse("block {} asked for, it has {}", index, blocks.size());
        return blocks[static_cast<std::size_t>(index)];
    }
    std::size_t task(std::int64_t index) const {
        if (index < 0 || index >= static_cast<std::int64_t>(task_names.size()))
            reader.refuse("task vector {} asked for, it has {}", index, task_names.size());
        return static_cast<std::size_t>(index);
    }
    StorageKind kind(std::int64_t of_block, std::int64_t of_task) const {
        (void)block(of_block);
        return static_cast<StorageKind>(
            kinds[task(of_task) * blocks.size() + static_cast<std::size_t>(of_block)]);
    }
    /// The name under which a task vector's numbers lie, after checking that they are of this kind.
    std::string stored_place(std::int64_t of_block, std::int64_t of_task, StorageKind wanted) const {
        if (const auto found = kind(of_block, of_task); found != wanted)
            reader.refuse("task '{}' of block '{}' is stored as {}, it was asked for as {}",
                          task_names[task(of_task)], block(of_block).name, name_of(found), name_of(wanted));
        return task_place(task_names[task(of_task)], block(of_block).name);
    }
    /// The rows must exist and fill out.
    void check_rows(std::int64_t of_block, std::int64_t first, std::int64_t count, std::size_t room) const {
        const auto& known = block(of_block);
        const auto size = matrix_of(known.shape);
        if (first < 0 || count < 0 || first > size.rows || count > size.rows - first)
            reader.refuse("rows [{}, {} + {}) of block '{}' asked for, it has {}", first, first, count,
                          known.name, size.rows);
        if (room != static_cast<std::size_t>(count * size.columns))
            reader.refuse("{} rows of block '{}' are {} numbers, room for {} was given", count, known.name,
                          count * size.columns, room);
    }
    void check_stored(std::int64_t of_block, std::size_t of_task);
};

std::int64_t Block::elements() const { return h5::elements_of(shape, name); }

Bank::Bank(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bank::~Bank() = default;
Bank::Bank(Bank&&) noexcept = default;
Bank& Bank::operator=(Bank&&) noexcept = default;

/// What the table of kinds promises must be there, in the shapes that reading relies on.
void Bank::Impl::check_stored(std::int64_t of_block, std::size_t of_task) {
    const auto& known = block(of_block);
    const auto& name = task_names[of_task];
    const auto size = matrix_of(known.shape);
    auto& number = kinds[of_task * blocks.size() + static_cast<std::size_t>(of_block)];
    if (number >= kKindNames.size())
        reader.refuse("task '{}' of block '{}' is stored in a way unknown here ({})", name, known.name,
                      number);
    const auto place = number == 0 ? std::string() : task_place(name, known.name);
    switch (static_cast<StorageKind>(number)) {
        case StorageKind::zero:
            break;
        case StorageKind::f32:
            reader.expect(place, h5::Type::f32, known.shape);
            break;
        case StorageKind::bf16:
            reader.expect(place, h5::Type::bf16, known.shape);
            break;
        case StorageKind::int8:
            reader.expect(place, h5::Type::i8, known.shape);
            reader.expect(scales_place(name, known.name), h5::Type::f32, {size.rows});
            break;
        case StorageKind::low_rank: {
            std::size_t part = 0;
            do {
                const auto group = factors_place(name, known.name, part);
                const auto first = reader.integer(group, "first_row");
                const auto left = reader.expect(group + "/left", h5::Type::f32, {-1, -1}).shape;
                reader.expect(group + "/right", h5::Type::f32, {left[1], size.columns});
                if (first < 0 || first > size.rows || left[0] > size.rows - first)
                    reader.refuse("'{}' is for rows [{}, {} + {}), block '{}' has {}", group, first, first,
                                  left[0], known.name, size.rows);
            } while (reader.has(factors_place(name, known.name, ++part) + "/left"));
        }
    }
}

Bank Bank::open(const std::filesystem::path& path) {
    auto impl = std::unique_ptr<Impl>(new Impl{
        h5::Reader::open(path, kBankKind, kBankVersion), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, 0});
    const auto& reader = impl->reader;
    impl->base_hash = reader.text_attribute("/", "base_hash");
    impl->model_meta = reader.text("model");
    impl->notes = reader.text("notes");
    for (const auto& [name, text] : {std::pair{"model", &impl->model_meta}, std::pair{"notes", &impl->notes}})
        if (const auto fault = fault_text(check_json(*text)); !fault.empty())
            reader.refuse("its text '{}' {}", name, fault);
    impl->task_names = reader.texts("task_names");
    impl->task_hashes = reader.texts("task_hashes");
    const auto tasks = static_cast<std::int64_t>(impl->task_names.size());
    if (tasks == 0) reader.refuse("holds no task vectors");
    reader.expect("task_hashes", h5::Type::text, {tasks});
    for (auto& name : reader.texts("blocks")) {
        const auto& base = reader.about(base_place(name));
        if (base.type != h5::Type::f32) reader.expect(base_place(name), h5::Type::f32, base.shape);
        impl->blocks.push_back({std::move(name), base.shape});
    }
    if (impl->blocks.empty()) reader.refuse("holds no blocks");
    const auto blocks = static_cast<std::int64_t>(impl->blocks.size());
    impl->kinds = reader.all<std::uint8_t>("storage", {tasks, blocks});
    impl->stored_bytes = reader.all<std::int64_t>("stored_bytes", {tasks});
    for (std::size_t k = 0; k < impl->task_names.size(); ++k)
        for (std::int64_t j = 0; j < blocks; ++j) impl->check_stored(j, k);
    impl->norms = reader.reals("/", "norms", {tasks}).values;
    impl->cosines = reader.reals("/", "cosines", {tasks, tasks}).values;
    impl->base_norm = reader.reals("/", "base_norm", {}).values.at(0);
    const auto& errors = reader.reals("/", "rounding_errors", {tasks}).values;
    const auto& worst = reader.reals("/", "worst_rounding_errors", {tasks}).values;
    reader.expect("worst_blocks", h5::Type::text, {tasks});
    auto worst_blocks = reader.texts("worst_blocks");
    for (std::size_t k = 0; k < errors.size(); ++k)
        impl->rounding.push_back({errors[k], worst[k], std::move(worst_blocks[k])});
    return Bank(std::move(impl));
}

const std::string& Bank::path() const { return impl_->reader.path(); }
const std::string& Bank::hash() const { return impl_->reader.content_hash(); }
const std::string& Bank::base_hash() const { return impl_->base_hash; }
const std::string& Bank::model_meta() const { return impl_->model_meta; }
const std::string& Bank::notes() const { return impl_->notes; }
const std::vector<std::string>& Bank::task_names() const { return impl_->task_names; }
const std::string& Bank::task_hash(std::int64_t task) const { return impl_->task_hashes[impl_->task(task)]; }
const std::vector<Block>& Bank::blocks() const { return impl_->blocks; }
double Bank::norm(std::int64_t task) const { return impl_->norms[impl_->task(task)]; }
double Bank::base_norm() const { return impl_->base_norm; }
double Bank::cosine(std::int64_t a, std::int64_t b) const {
    return impl_->cosines[impl_->task(a) * impl_->task_names.size() + impl_->task(b)];
}
const RoundingError& Bank::rounding(std::int64_t task) const { return impl_->rounding[impl_->task(task)]; }
std::uint64_t Bank::stored_bytes(std::int64_t task) const {
    return static_cast<std::uint64_t>(impl_->stored_bytes[impl_->task(task)]);
}
StorageKind Bank::storage(std::int64_t block, std::int64_t task) const { return impl_->kind(block, task); }

void Bank::read_base(std::int64_t block, std::span<float> out) const {
    read_base_rows(block, 0, matrix_of(impl_->block(block).shape).rows, out);
}

void Bank::read_base_rows(std::int64_t block, std::int64_t first, std::int64_t count,
                          std::span<float> out) const {
    impl_->check_rows(block, first, count, out.size());
    impl_->reader.read(base_place(impl_->block(block).name), first, count, std::as_writable_bytes(out));
}

void Bank::read_task(std::int64_t block, std::int64_t task, std::span<float> out) const {
    read_task_rows(block, task, 0, matrix_of(impl_->block(block).shape).rows, out);
}

void Bank::restore(std::int64_t block, std::int64_t task, std::span<float> theta) const {
    const auto& known = impl_->block(block);
    const auto& name = impl_->task_names[static_cast<std::size_t>(impl_->task(task))];
    const auto group = exact_place(name, known.name);
    if (!impl_->reader.has(group + "/at")) return;
    const auto at = impl_->reader.all<std::int32_t>(group + "/at", {-1});
    const auto values = impl_->reader.all<float>(group + "/value", {static_cast<std::int64_t>(at.size())});
    if (static_cast<std::int64_t>(theta.size()) != known.elements())
        impl_->reader.refuse("block '{}' has {} numbers, {} were given to be put right", known.name,
                             known.elements(), theta.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
        if (at[i] < 0 || static_cast<std::size_t>(at[i]) >= theta.size())
            impl_->reader.refuse("'{}' speaks of number {}, block '{}' has {}", group, at[i], known.name,
                                 theta.size());
        theta[static_cast<std::size_t>(at[i])] = values[i];
    }
}

void Bank::read_task_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                          std::span<float> out) const {
    impl_->check_rows(block, first, count, out.size());
    const auto kind = impl_->kind(block, task);
    const auto place = impl_->stored_place(block, task, kind);
    const auto columns = matrix_of(impl_->block(block).shape).columns;
    switch (kind) {
        case StorageKind::f32:
            impl_->reader.read(place, first, count, std::as_writable_bytes(out));
            break;
        case StorageKind::bf16: {
            std::vector<std::uint16_t> stored(out.size());
            read_bf16_rows(block, task, first, count, stored);
            from_bf16(stored, out);
            break;
        }
        case StorageKind::int8: {
            std::vector<std::int8_t> stored(out.size());
            std::vector<float> scales(static_cast<std::size_t>(count));
            read_int8_rows(block, task, first, count, stored, scales);
            from_int8(stored, scales, out);
            break;
        }
        case StorageKind::zero:
        case StorageKind::low_rank:
            std::fill(out.begin(), out.end(), 0.0F);
            if (kind == StorageKind::zero) break;
            for (const auto& part : read_factors(block, task)) add_factors(part, columns, first, count, out);
    }
}

void Bank::read_bf16_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                          std::span<std::uint16_t> out) const {
    impl_->check_rows(block, first, count, out.size());
    impl_->reader.read(impl_->stored_place(block, task, StorageKind::bf16), first, count,
                       std::as_writable_bytes(out));
}

void Bank::read_int8_rows(std::int64_t block, std::int64_t task, std::int64_t first, std::int64_t count,
                          std::span<std::int8_t> out, std::span<float> scales) const {
    impl_->check_rows(block, first, count, out.size());
    const auto place = impl_->stored_place(block, task, StorageKind::int8);
    impl_->reader.read(place, first, count, std::as_writable_bytes(out));
    impl_->reader.read(scales_place(impl_->task_names[impl_->task(task)], impl_->block(block).name), first,
                       count, std::as_writable_bytes(scales));
}

std::vector<Factors> Bank::read_factors(std::int64_t block, std::int64_t task) const {
    (void)impl_->stored_place(block, task, StorageKind::low_rank);
    const auto& reader = impl_->reader;
    std::vector<Factors> parts;
    for (std::size_t part = 0;; ++part) {
        const auto group =
            factors_place(impl_->task_names[impl_->task(task)], impl_->block(block).name, part);
        if (!reader.has(group + "/left")) return parts;
        const auto& shape = reader.about(group + "/left").shape;
        parts.push_back({reader.integer(group, "first_row"), shape[0], shape[1],
                         reader.all<float>(group + "/left", {-1, -1}),
                         reader.all<float>(group + "/right", {-1, -1})});
    }
}

}  // namespace vtvc
