#include "vtvc/storage/bank_writer.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "bank_codec.hpp"
#include "bank_layout.hpp"
#include "h5_writer.hpp"
#include "vtvc/core/numbers.hpp"

namespace vtvc {

namespace {

constexpr std::uint64_t kBytesBesideAnArray = 1024;  // HDF5's own, roughly

template <class Names>
void check_names(const char* what, const Names& list) {
    if (list.empty()) fail<StorageError>("a bank needs one {} at least", what);
    std::set<std::string> seen;
    for (const auto& item : list) {
        if (item.name.empty()) fail<StorageError>("a {} of a bank needs a name", what);
        if (!seen.insert(item.name).second)
            fail<StorageError>("{} '{}' is named twice in the bank", what, item.name);
    }
}

void check(const BankPlan& plan) {
    check_names("task", plan.tasks);
    check_names("block", plan.blocks);
    for (const auto& task : plan.tasks) {
        if (task.name.find('/') != std::string::npos || task.name == "." || task.name == "..")
            fail<StorageError>("task '{}': a name without slashes is needed (it names a group in the file)",
                               task.name);
        if (task.storage.kind == StorageKind::zero)
            fail<StorageError>("task '{}': zero is no way to store a task vector; take f32", task.name);
        if (task.storage.kind == StorageKind::low_rank && task.storage.rank < 1)
            fail<StorageError>("task '{}': rank {} stores nothing; give 1 or more", task.name,
                               task.storage.rank);
    }
    for (const auto* json : {&plan.model, &plan.notes})
        if (!nlohmann::json::accept(*json))
            fail<StorageError>("a bank's model and notes are JSON, not: {}", *json);
}

/// At most: as planned, or f32 where that is smaller.
std::uint64_t bytes_of(const BankPlan& plan) {
    std::uint64_t bytes = plan.model.size() + plan.notes.size();
    for (const auto& block : plan.blocks) {
        const auto elements = static_cast<std::uint64_t>(h5::elements_of(block.shape, block.name));
        bytes += 4 * elements + kBytesBesideAnArray;
        for (const auto& task : plan.tasks) {
            const auto size = matrix_of(block.shape);
            const auto ranks = static_cast<std::uint64_t>(task.storage.rank * (size.rows + size.columns));
            bytes += kBytesBesideAnArray;
            switch (task.storage.kind) {
                case StorageKind::zero:
                case StorageKind::f32:
                    bytes += 4 * elements;
                    break;
                case StorageKind::bf16:
                    bytes += 2 * elements;
                    break;
                case StorageKind::int8:
                    bytes += std::min(4 * elements, elements + 4 * static_cast<std::uint64_t>(size.rows));
                    break;
                case StorageKind::low_rank:
                    bytes += std::min(4 * elements, 4 * ranks);
                    break;
            }
        }
    }
    return bytes;
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
}

}  // namespace

struct BankWriter::Impl {
    Impl(const std::filesystem::path& path, BankPlan given)
        : plan(std::move(given)),
          writer(path, kBankKind, kBankVersion, bytes_of(plan)),
          place(path.string()),
          current(plan.tasks.size()),
          written(plan.tasks.size()),
          exact(plan.tasks.size()),
          kinds(plan.tasks.size() * plan.blocks.size()),
          stored_bytes(plan.tasks.size()),
          products(plan.tasks.size() * plan.tasks.size()),
          rounded_squares(plan.tasks.size()),
          exact_squares(plan.tasks.size()),
          error_squares(plan.tasks.size()),
          worst(plan.tasks.size()) {
        writer.attribute("/", "base_hash", plan.base_hash);
        writer.text("model", plan.model);
        writer.text("notes", plan.notes);
        std::vector<std::string> tasks, blocks;
        for (const auto& task : plan.tasks) tasks.push_back(task.name);
        for (const auto& part : plan.blocks) blocks.push_back(part.name);
        writer.texts("task_names", tasks);
        writer.texts("blocks", blocks);
    }

    BankPlan plan;
    h5::Writer writer;
    std::string place;
    std::int64_t block = -1;          ///< the block that is being taken
    std::vector<Numbers> current;     ///< its task vectors as a reader will see them; null: zero
    std::vector<bool> written;        ///< which of them are there
    std::vector<bool> exact;          ///< which of them are stored as they were given
    std::vector<std::uint8_t> kinds;  ///< [K, J] of StorageKind
    std::vector<std::int64_t> stored_bytes;
    std::vector<double> products;  ///< ⟨τ_k, τ_l⟩ over all blocks, l ≤ k
    double base_square = 0;
    /// Of what was given: in blocks that are stored rounded, in those stored as given.
    std::vector<double> rounded_squares, exact_squares;
    std::vector<double> error_squares;
    std::vector<RoundingError> worst;

    const Block& at() const { return plan.blocks[static_cast<std::size_t>(block)]; }

    template <class... Args>
    [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
        throw StorageError(place + ": " + fmt::format(text, std::forward<Args>(args)...));
    }

    void check_values(const std::string& what, std::span<const float> values, std::int64_t expected) const {
        if (static_cast<std::int64_t>(values.size()) != expected)
            refuse("{} of block '{}' has {} numbers, its shape {} needs {}", what, at().name, values.size(),
                   h5::shape_text(at().shape), expected);
        if (const auto bad = first_not_finite(values))
            refuse("{} of block '{}' has {} at element {} (a bank of it would spoil every composition)", what,
                   at().name, values[*bad], *bad);
    }

    /// Ends the block at hand: every task must be there; their inner products are taken.
    void close_block() {
        if (block < 0) return;
        std::vector<std::size_t> there;  // zero is orthogonal to everything
        std::vector<std::span<const float>> vectors;
        for (std::size_t k = 0; k < written.size(); ++k) {
            if (!written[k]) refuse("task '{}' was not given for block '{}'", plan.tasks[k].name, at().name);
            if (!current[k]) continue;
            there.push_back(k);
            vectors.emplace_back(*current[k]);
        }
        const auto found = vtvc::products(vectors);
        auto product = found.begin();
        for (std::size_t i = 0; i < there.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j) add_product(there[i], there[j], *product++);
    }

    void add_product(std::size_t k, std::size_t l, double product) {
        products[k * written.size() + l] += product;
        if (k == l && exact[k]) exact_squares[k] += product;
    }

    std::size_t begin_task(std::int64_t of_block, std::int64_t task) {
        if (of_block != block || block < 0)
            refuse("block {} of a task given while block {} is at hand (a block's base comes first)",
                   of_block, block);
        if (task < 0 || task >= static_cast<std::int64_t>(plan.tasks.size()))
            refuse("task {} given, the plan has {}", task, plan.tasks.size());
        const auto k = static_cast<std::size_t>(task);
        if (written[k]) refuse("task '{}' was given twice for block '{}'", plan.tasks[k].name, at().name);
        written[k] = true;
        return k;
    }

    void put(std::size_t k, const std::string& name, h5::Type type, const h5::Shape& shape,
             std::span<const std::byte> bytes) {
        writer.array(name, type, shape, bytes, rows_per_checksum(shape, bytes.size()));
        stored_bytes[k] += static_cast<std::int64_t>(bytes.size());
    }

    void put_parts(std::size_t k, std::span<const Factors> parts, std::int64_t columns) {
        const auto& task = plan.tasks[k].name;
        for (std::size_t p = 0; p < parts.size(); ++p) {
            const auto group = factors_place(task, at().name, p);
            writer.attribute(group, "first_row", parts[p].first_row);
            put(k, group + "/left", h5::Type::f32, {parts[p].rows, parts[p].rank}, bytes_of(parts[p].left));
            put(k, group + "/right", h5::Type::f32, {parts[p].rank, columns}, bytes_of(parts[p].right));
        }
    }

    std::int64_t rows_per_checksum(const h5::Shape& shape, std::size_t bytes) const {
        const auto rows = shape.empty() ? 1 : shape[0];
        return bank_rows_per_checksum(rows,
                                      static_cast<std::int64_t>(bytes) / std::max<std::int64_t>(1, rows));
    }

    /// Stores values as the plan says; what a reader will get is left in current. Returns the kind.
    StorageKind store(std::size_t k, const Numbers& given) {
        const std::span<const float> values(*given);
        const auto& task = plan.tasks[k];
        const auto size = matrix_of(at().shape);
        current[k] = nullptr;
        if (std::all_of(values.begin(), values.end(), [](float v) { return v == 0; }))
            return StorageKind::zero;
        auto kind = task.storage.kind;
        if (kind == StorageKind::int8 && size.columns < 2) kind = StorageKind::f32;
        if (kind == StorageKind::low_rank && !factors_pay(size, task.storage.rank)) kind = StorageKind::f32;
        const auto name = task_place(task.name, at().name);
        if (kind == StorageKind::f32) {
            const auto bytes = values.size_bytes();
            writer.array_beside(name, at().shape, given, rows_per_checksum(at().shape, bytes));
            stored_bytes[k] += static_cast<std::int64_t>(bytes);
            current[k] = given;
            return kind;
        }
        std::vector<float> seen(values.size());
        if (kind == StorageKind::bf16) {
            const auto stored = to_bf16(values);
            from_bf16(stored, seen);
            put(k, name, h5::Type::bf16, at().shape, bytes_of(stored));
        } else if (kind == StorageKind::int8) {
            const auto stored = to_int8(values, size);
            from_int8(stored.values, stored.scales, seen);
            put(k, name, h5::Type::i8, at().shape, bytes_of(stored.values));
            put(k, scales_place(task.name, at().name), h5::Type::f32, {size.rows}, bytes_of(stored.scales));
        } else {
            const auto factors = truncated_svd(values, size, task.storage.rank);
            add_factors(factors, size.columns, 0, size.rows, seen);
            put_parts(k, {&factors, 1}, size.columns);
        }
        note_error(k, values, seen);
        current[k] = std::make_shared<const std::vector<float>>(std::move(seen));
        return kind;
    }

    void note_kind(std::size_t k, StorageKind kind) {
        kinds[k * plan.blocks.size() + static_cast<std::size_t>(block)] = static_cast<std::uint8_t>(kind);
    }

    /// Compares what a reader will get with what was given.
    void note_error(std::size_t k, std::span<const float> values, std::span<const float> seen) {
        const double given = dot(values, values);
        double error = 0;
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const double off = static_cast<double>(seen[i]) - static_cast<double>(values[i]);
            error += off * off;
        }
        rounded_squares[k] += given;
        error_squares[k] += error;
        const double relative = given > 0 ? std::sqrt(error / given) : 0;
        if (relative > worst[k].worst) worst[k].worst = relative, worst[k].worst_block = at().name;
    }

    void finish();
};

BankWriter::BankWriter(const std::filesystem::path& path, BankPlan plan) {
    check(plan);
    impl_ = std::make_unique<Impl>(path, std::move(plan));
}
BankWriter::~BankWriter() = default;
BankWriter::BankWriter(BankWriter&&) noexcept = default;
BankWriter& BankWriter::operator=(BankWriter&&) noexcept = default;

double BankWriter::put_base(std::int64_t block, std::span<const float> values) {
    return put_base(block, std::make_shared<const std::vector<float>>(values.begin(), values.end()));
}

double BankWriter::put_base(std::int64_t block, Numbers values) {
    auto& to = *impl_;
    if (block != to.block + 1 || block >= static_cast<std::int64_t>(to.plan.blocks.size()))
        to.refuse("base of block {} given after that of block {} of {} (blocks come in their order)", block,
                  to.block, to.plan.blocks.size());
    to.close_block();
    to.block = block;
    to.written.assign(to.written.size(), false);
    to.check_values("the base", *values, to.at().elements());
    const double square = dot(*values, *values);
    to.base_square += square;
    const auto& shape = to.at().shape;
    const auto rows = to.rows_per_checksum(shape, std::as_bytes(std::span(*values)).size());
    to.writer.array_beside(base_place(to.at().name), shape, std::move(values), rows);
    return square;
}

void BankWriter::put_task(std::int64_t block, std::int64_t task, std::span<const float> values) {
    put_task(block, task, std::make_shared<const std::vector<float>>(values.begin(), values.end()));
}

void BankWriter::put_task(std::int64_t block, std::int64_t task, Numbers values) {
    auto& to = *impl_;
    const auto k = to.begin_task(block, task);
    to.check_values("task '" + to.plan.tasks[k].name + "'", *values, to.at().elements());
    const auto kind = to.store(k, values);
    to.note_kind(k, kind);
    to.exact[k] = kind == StorageKind::f32 || kind == StorageKind::zero;
}

void BankWriter::put_factors(std::int64_t block, std::int64_t task, std::span<const Factors> parts) {
    auto& to = *impl_;
    const auto k = to.begin_task(block, task);
    const auto what = "a factor of task '" + to.plan.tasks[k].name + "'";
    const auto size = matrix_of(to.at().shape);
    std::vector<float> seen(parts.empty() ? 0 : static_cast<std::size_t>(to.at().elements()));
    for (const auto& part : parts) {
        if (part.rank < 1 || part.first_row < 0 || part.rows < 1 || part.first_row > size.rows - part.rows)
            to.refuse("{} for block '{}' has rank {} and rows [{}, {} + {}), the block has {}", what,
                      to.at().name, part.rank, part.first_row, part.first_row, part.rows, size.rows);
        to.check_values(what, part.left, part.rows * part.rank);
        to.check_values(what, part.right, part.rank * size.columns);
        add_factors(part, size.columns, 0, size.rows, seen);
    }
    to.check_values(what, seen, static_cast<std::int64_t>(seen.size()));
    to.put_parts(k, parts, size.columns);
    to.note_kind(k, parts.empty() ? StorageKind::zero : StorageKind::low_rank);
    to.exact[k] = true;
    to.current[k] = parts.empty() ? nullptr : std::make_shared<const std::vector<float>>(std::move(seen));
}

void BankWriter::put_exact(std::int64_t block, std::int64_t task, std::span<const std::int32_t> at,
                           std::span<const float> values) {
    auto& to = *impl_;
    const auto k = static_cast<std::size_t>(task);
    if (block != to.block || task < 0 || k >= to.written.size() || !to.written[k])
        to.refuse("exact numbers of task {} given for block {} before its vector", task, block);
    if (at.empty()) return;
    to.check_values("exact numbers of task '" + to.plan.tasks[k].name + "'", values,
                    static_cast<std::int64_t>(at.size()));
    const auto group = exact_place(to.plan.tasks[k].name, to.at().name);
    const h5::Shape shape{static_cast<std::int64_t>(at.size())};
    to.put(k, group + "/at", h5::Type::i32, shape, std::as_bytes(at));
    to.put(k, group + "/value", h5::Type::f32, shape, std::as_bytes(values));
}

void BankWriter::put_hash(std::int64_t task, std::string hash) {
    if (task < 0 || task >= static_cast<std::int64_t>(impl_->plan.tasks.size()))
        impl_->refuse("hash of task {} given, the plan has {}", task, impl_->plan.tasks.size());
    impl_->plan.tasks[static_cast<std::size_t>(task)].hash = std::move(hash);
}

void BankWriter::finish() { impl_->finish(); }

void BankWriter::Impl::finish() {
    if (block + 1 != static_cast<std::int64_t>(plan.blocks.size()))
        refuse("only {} of {} blocks were given", block + 1, plan.blocks.size());
    close_block();
    const auto count = plan.tasks.size();
    const auto tasks = static_cast<std::int64_t>(count);
    std::vector<double> norms(count), errors(count), worst_errors(count), cosines(count * count);
    std::vector<std::string> worst_blocks(count);
    for (std::size_t k = 0; k < count; ++k) {
        norms[k] = std::sqrt(products[k * count + k]);
        const double given = rounded_squares[k] + exact_squares[k];
        errors[k] = given > 0 ? std::sqrt(error_squares[k] / given) : 0;
        worst_errors[k] = worst[k].worst;
        worst_blocks[k] = worst[k].worst_block;
    }
    for (std::size_t k = 0; k < count; ++k)
        for (std::size_t l = 0; l <= k; ++l) {
            const double scale = norms[k] * norms[l];
            const double cosine = scale > 0 ? products[k * count + l] / scale : 0;
            cosines[k * count + l] = cosines[l * count + k] = k == l ? 1 : cosine;
        }
    std::vector<std::string> hashes;
    for (const auto& task : plan.tasks) hashes.push_back(task.hash);
    writer.texts("task_hashes", hashes);
    writer.attribute("/", "norms", h5::Reals{{tasks}, std::move(norms)});
    writer.attribute("/", "cosines", h5::Reals{{tasks, tasks}, std::move(cosines)});
    writer.attribute("/", "base_norm", h5::Reals{{}, {std::sqrt(base_square)}});
    writer.attribute("/", "rounding_errors", h5::Reals{{tasks}, std::move(errors)});
    writer.attribute("/", "worst_rounding_errors", h5::Reals{{tasks}, std::move(worst_errors)});
    writer.texts("worst_blocks", worst_blocks);
    writer.array("storage", {tasks, static_cast<std::int64_t>(plan.blocks.size())}, kinds);
    writer.array("stored_bytes", {tasks}, stored_bytes);
    writer.finish();
}

}  // namespace vtvc
