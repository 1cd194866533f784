#include "vtvc/storage/jacobian.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "bank_codec.hpp"
#include "dataset_layout.hpp"
#include "h5_rows.hpp"
#include "h5_writer.hpp"

namespace vtvc {
namespace {

constexpr const char* kKind = "jacobian";
constexpr std::int64_t kVersion = 1;
constexpr std::array<Split, 2> kWith{Split::train, Split::validation};

h5::Type number_type(JacobianStore store) {
    return store == JacobianStore::f32    ? h5::Type::f32
           : store == JacobianStore::bf16 ? h5::Type::bf16
                                          : h5::Type::i8;
}

JacobianStore store_named(const h5::Reader& reader, const std::string& name) {
    for (std::size_t i = 0; i < EnumNames<JacobianStore>::names.size(); ++i)
        if (EnumNames<JacobianStore>::names[i] == name) return static_cast<JacobianStore>(i);
    reader.refuse("a Jacobian stored as '{}' (f32, bf16 and int8 are known)", name);
}

h5::Shape number_shape(const JacobianAbout& about, std::int64_t rows) {
    return {rows, about.classes, about.tasks(), about.coefficients()};
}

void check_about(const JacobianAbout& about, const std::string& where) {
    if (about.classes < 1 || about.tasks() < 1 || about.coefficients() < 1)
        fail<StorageError>(
            "{}: a Jacobian of {} classes, {} task vectors and {} coefficients (each must be 1 "
            "at least)",
            where, about.classes, about.tasks(), about.coefficients());
    (void)h5::elements_of(number_shape(about, 1), where);
    if (about.centre.size() != static_cast<std::size_t>(about.tasks() * about.coefficients()))
        fail<StorageError>("{}: its point of expansion has {} numbers, {} x {} are needed", where,
                           about.centre.size(), about.tasks(), about.coefficients());
}

/// Numbers as the file's kind has them, and the scales beside them.
struct Encoded {
    std::vector<std::uint16_t> halves;
    Int8Rows bytes;
    std::span<const std::byte> numbers;
};
Encoded encode(const JacobianAbout& about, std::span<const float> values) {
    Encoded made;
    switch (about.store) {
        case JacobianStore::f32:
            made.numbers = std::as_bytes(values);
            break;
        case JacobianStore::bf16:
            made.halves = to_bf16(values);
            made.numbers = std::as_bytes(std::span(made.halves));
            break;
        case JacobianStore::int8: {
            const std::int64_t columns = about.coefficients();
            made.bytes = to_int8(values, {static_cast<std::int64_t>(values.size()) / columns, columns});
            made.numbers = std::as_bytes(std::span(made.bytes.values));
            break;
        }
    }
    return made;
}

void expect_same(const std::string& path, const char* what, const std::string& found,
                 const std::string& needed) {
    if (found != needed)
        fail<StorageError>(
            "{}: was computed from another {} ({} recorded, {} needed); compute the Jacobian "
            "again",
            path, what, found, needed);
}

}  // namespace

std::int64_t JacobianAbout::row_bytes() const {
    const std::int64_t each = store == JacobianStore::f32 ? 4 : store == JacobianStore::bf16 ? 2 : 1;
    return each * numbers() + 4 * scales() + 4 * classes + 8;
}

struct JacobianWriter::State {
    struct Part {
        h5::RowWriter numbers, logits;
        std::unique_ptr<h5::RowWriter> scales;
        std::vector<std::int64_t> ids;
    };
    JacobianAbout about;
    h5::Writer writer;
    std::vector<Part> parts;  // in the order of kWith

    State(const std::filesystem::path& path, JacobianAbout given, std::int64_t bytes)
        : about(std::move(given)), writer(path, kKind, kVersion, static_cast<std::uint64_t>(bytes)) {}
};

JacobianWriter::JacobianWriter(const std::filesystem::path& path, JacobianAbout about,
                               std::int64_t train_rows, std::int64_t validation_rows) {
    check_about(about, path.string());
    const auto bytes = h5::elements_of({train_rows + validation_rows, about.row_bytes()}, path.string());
    state_ = std::make_unique<State>(path, std::move(about), bytes);
    const JacobianAbout& known = state_->about;
    const std::int64_t step = h5::rows_per_mib(known.row_bytes());
    for (const Split split : kWith) {
        const std::int64_t rows = split == Split::train ? train_rows : validation_rows;
        const std::string name = split_name(split);
        h5::Writer& writer = state_->writer;
        State::Part part{h5::RowWriter(writer, name + "/jacobian", number_type(known.store),
                                       number_shape(known, rows), step),
                         h5::RowWriter(writer, name + "/logits", h5::Type::f32, {rows, known.classes}, step),
                         nullptr,
                         {}};
        if (known.scales() > 0)
            part.scales = std::make_unique<h5::RowWriter>(
                writer, name + "/scales", h5::Type::f32, h5::Shape{rows, known.classes, known.tasks()}, step);
        state_->parts.push_back(std::move(part));
    }
}
JacobianWriter::~JacobianWriter() = default;
JacobianWriter::JacobianWriter(JacobianWriter&&) noexcept = default;
JacobianWriter& JacobianWriter::operator=(JacobianWriter&&) noexcept = default;

void JacobianWriter::append(Split split, std::span<const std::int64_t> ids, std::span<const float> logits,
                            std::span<const float> values) {
    const JacobianAbout& about = state_->about;
    if (split == Split::test) fail<StorageError>("a Jacobian has no rows of the test split");
    if (logits.size() != ids.size() * static_cast<std::size_t>(about.classes) ||
        values.size() != ids.size() * static_cast<std::size_t>(about.numbers()))
        fail<StorageError>("a Jacobian of {} rows was given {} logits and {} derivatives", ids.size(),
                           logits.size(), values.size());
    const auto finite = [](std::span<const float> numbers) {
        return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
    };
    if (!finite(logits) || !finite(values))
        fail<StorageError>(
            "the Jacobian of the {} split is not a number in its rows up to {} (a posterior "
            "could not be trained on it); look for NaN in the bank",
            split_name(split), state_->parts[static_cast<std::size_t>(split)].ids.size());
    State::Part& part = state_->parts[static_cast<std::size_t>(split)];
    const Encoded encoded = encode(about, values);
    part.numbers.append(encoded.numbers);
    part.logits.append(std::as_bytes(logits));
    if (part.scales) part.scales->append(std::as_bytes(std::span(encoded.bytes.scales)));
    part.ids.insert(part.ids.end(), ids.begin(), ids.end());
}

void JacobianWriter::finish() {
    h5::Writer& writer = state_->writer;
    const JacobianAbout& about = state_->about;
    writer.attribute("/", "base_hash", about.origin.base_hash);
    writer.attribute("/", "bank_hash", about.origin.bank_hash);
    writer.attribute("/", "dataset_hash", about.origin.dataset_hash);
    writer.attribute("/", "head_hash", about.origin.head_hash);
    writer.attribute("/", "partition", about.origin.partition);
    writer.attribute("/", "store", name_of(about.store));
    writer.attribute("/", "classes", about.classes);
    writer.texts("task_names", about.origin.task_names);
    writer.texts("coefficient_names", about.coefficient_names);
    writer.array("centre", {about.tasks(), about.coefficients()}, about.centre);
    for (const Split split : kWith) {
        State::Part& part = state_->parts[static_cast<std::size_t>(split)];
        part.numbers.finish();
        part.logits.finish();
        if (part.scales) part.scales->finish();
        writer.array(split_name(split) + "/ids", {static_cast<std::int64_t>(part.ids.size())}, part.ids);
    }
    writer.finish();
}

Jacobian Jacobian::open(const std::filesystem::path& path) {
    const auto reader = h5::Reader::open(path, kKind, kVersion);
    Jacobian made;
    made.path_ = path.string();
    made.hash_ = reader.content_hash();
    JacobianAbout& about = made.about_;
    about.origin.base_hash = reader.text_attribute("/", "base_hash");
    about.origin.bank_hash = reader.text_attribute("/", "bank_hash");
    about.origin.dataset_hash = reader.text_attribute("/", "dataset_hash");
    about.origin.head_hash = reader.text_attribute("/", "head_hash");
    about.origin.partition = reader.text_attribute("/", "partition");
    about.store = store_named(reader, reader.text_attribute("/", "store"));
    about.classes = reader.integer("/", "classes");
    about.origin.task_names = reader.texts("task_names");
    about.coefficient_names = reader.texts("coefficient_names");
    about.centre = reader.all<float>("centre", {about.tasks(), about.coefficients()});
    check_about(about, made.path_);
    if (!std::all_of(about.centre.begin(), about.centre.end(), [](float x) { return std::isfinite(x); }))
        reader.refuse("its point of expansion is not a number");
    for (const Split split : kWith) {
        const std::string name = split_name(split);
        const std::int64_t rows = reader.about(name + "/ids").rows();
        reader.expect(name + "/ids", h5::Type::i64, {rows});
        reader.expect(name + "/logits", h5::Type::f32, {rows, about.classes});
        reader.expect(name + "/jacobian", number_type(about.store), number_shape(about, rows));
        if (about.scales() > 0)
            reader.expect(name + "/scales", h5::Type::f32, {rows, about.classes, about.tasks()});
        (split == Split::train ? made.train_ : made.validation_) = rows;
    }
    return made;
}

void Jacobian::expect(const JacobianOrigin& needed) const {
    const JacobianOrigin& found = about_.origin;
    expect_same(path_, "base", found.base_hash, needed.base_hash);
    expect_same(path_, "bank", found.bank_hash, needed.bank_hash);
    expect_same(path_, "data set", found.dataset_hash, needed.dataset_hash);
    expect_same(path_, "head", found.head_hash, needed.head_hash);
    expect_same(path_, "partition", found.partition, needed.partition);
    const auto list = [](const std::vector<std::string>& names) {
        return fmt::format("{}", fmt::join(names, ", "));
    };
    expect_same(path_, "list of task vectors", list(found.task_names), list(needed.task_names));
}

std::int64_t Jacobian::rows(Split split) const {
    return split == Split::train ? train_ : split == Split::validation ? validation_ : 0;
}

JacobianRows Jacobian::read(Split split) const {
    const auto reader = h5::Reader::open(path_, kKind, kVersion);
    if (reader.content_hash() != hash_)
        reader.refuse("was replaced since it was opened (content {} then, {} now)", hash_,
                      reader.content_hash());
    const std::string name = split_name(split);
    JacobianRows rows;
    rows.rows = this->rows(split);
    rows.ids = reader.rows<std::int64_t>(name + "/ids", {-1}, 0, rows.rows);
    rows.logits = reader.rows<float>(name + "/logits", {-1, about_.classes}, 0, rows.rows);
    rows.numbers.resize(reader.about(name + "/jacobian").bytes());
    reader.read(name + "/jacobian", 0, rows.rows, rows.numbers);
    if (about_.scales() > 0)
        rows.scales =
            reader.rows<float>(name + "/scales", {-1, about_.classes, about_.tasks()}, 0, rows.rows);
    return rows;
}

std::vector<float> Jacobian::floats(const JacobianRows& rows) const {
    std::vector<float> values(static_cast<std::size_t>(rows.rows * about_.numbers()));
    switch (about_.store) {
        case JacobianStore::f32:
            std::copy_n(rows.numbers.data(), rows.numbers.size(),
                        std::as_writable_bytes(std::span(values)).data());
            break;
        case JacobianStore::bf16:
            from_bf16({reinterpret_cast<const std::uint16_t*>(rows.numbers.data()), values.size()}, values);
            break;
        case JacobianStore::int8:
            from_int8({reinterpret_cast<const std::int8_t*>(rows.numbers.data()), values.size()}, rows.scales,
                      values);
            break;
    }
    return values;
}

}  // namespace vtvc
