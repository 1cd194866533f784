#include "h5.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "vtvc/core/hash.hpp"

namespace vtvc::h5 {

namespace {

constexpr std::array<std::string_view, 8> kTypeNames{"f32", "f64", "i32", "i64", "u8", "text", "i8", "bf16"};
constexpr std::array<std::size_t, 8> kTypeBytes{4, 8, 4, 8, 1, 0, 1, 2};

struct Innermost {
    std::string reason, call;
};

herr_t take_message(unsigned depth, const H5E_error2_t* error, void* out) {
    auto& text = *static_cast<Innermost*>(out);
    if (depth == 0 && error->desc != nullptr) text.reason = error->desc;
    if (error->func_name != nullptr) text.call = error->func_name;
    return 0;
}

template <class... F>
struct Overload : F... {
    using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;  // clang 14, which clang-tidy reads with, does not deduce it

}  // namespace

/// HDF5 1.10.8's own exit handler crashes on a file whose close failed (full disk): the reason would be said
/// and the exit code lost. Everything of ours is closed by its owner.
const herr_t no_exit_handler = H5dont_atexit();

std::string error_text() {
    Innermost text;
    // The walk starts at the innermost error and ends at the call that we made.
    if (H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_message, &text) < 0 || text.reason.empty())
        return "HDF5 gives no reason";
    std::erase(text.reason, '\n');  // some reasons hold the time as ctime() writes it
    return text.call.empty() ? text.reason : fmt::format("{}, in {}", text.reason, text.call);
}

std::recursive_mutex& library() {
    static std::recursive_mutex mutex;
    return mutex;
}

void silence() { (void)H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string_view type_name(Type type) { return kTypeNames.at(static_cast<std::size_t>(type)); }
std::size_t type_bytes(Type type) { return kTypeBytes.at(static_cast<std::size_t>(type)); }

Handle item_type(Type type, std::size_t item_bytes, const std::filesystem::path& path) {
    const std::array<hid_t, 8> models{H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I32LE, H5T_STD_I64LE,
                                      H5T_STD_U8LE,   H5T_C_S1,       H5T_STD_I8LE,  H5T_IEEE_F32LE};
    Handle made = own(H5Tcopy(models.at(static_cast<std::size_t>(type))), H5Tclose, path, "copy a type");
    if (type == Type::bf16) {  // HDF5 has no name for it but describes any float: h5py reads it as float32
        check(H5Tset_fields(made.get(), 15, 7, 8, 0, 7), path, "describe bf16");
        check(H5Tset_precision(made.get(), 16), path, "describe bf16");
        check(H5Tset_size(made.get(), 2), path, "describe bf16");
        check(H5Tset_ebias(made.get(), 127), path, "describe bf16");
    }
    if (type == Type::text) {
        check(H5Tset_size(made.get(), item_bytes), path, "set the length of text");
        check(H5Tset_strpad(made.get(), H5T_STR_NULLPAD), path, "set the padding of text");
        check(H5Tset_cset(made.get(), H5T_CSET_UTF8), path, "mark text as UTF-8");
    }
    return made;
}

std::string shape_text(const Shape& shape) {
    std::vector<std::string> sizes;
    for (const auto size : shape) sizes.push_back(size < 0 ? "any" : std::to_string(size));
    return fmt::format("[{}]", fmt::join(sizes, ", "));
}

std::int64_t elements_of(const Shape& shape, std::string_view what) {
    // The sizes that are not zero must fit too: [0, 2^40, 2^40] has no elements, but rows of impossible
    // length.
    std::int64_t product = 1;
    bool none = false;
    for (const auto size : shape) {
        none = none || size == 0;
        if (size < 0 || (size > 0 && __builtin_mul_overflow(product, size, &product)))
            fail<StorageError>("{}: impossible shape {}", what, shape_text(shape));
    }
    return none ? 0 : product;
}

std::size_t Array::row_bytes() const {
    std::size_t bytes = item_bytes;
    for (std::size_t i = 1; i < shape.size(); ++i) bytes *= static_cast<std::size_t>(shape[i]);
    return bytes;
}

std::int64_t Array::checksum_count() const {
    // Without adding: a damaged rows_per_checksum may be as large as numbers get.
    return std::max<std::int64_t>(1, rows() / rows_per_checksum + (rows() % rows_per_checksum != 0 ? 1 : 0));
}

Digest checksum(std::span<const std::byte> bytes) { return Hasher().add(bytes).digest(); }

void Manifest::attribute(const std::string& object, const std::string& name, const Value& value) {
    for (const auto* provenance : {"content_hash", "code_version", "created", "command"})
        if (object == "/" && name == provenance) return;
    lines_[object + "@" + name] = std::visit(
        Overload{[](const std::string& text) { return "text " + text; },
                 [](std::int64_t number) { return fmt::format("i64 {}", number); },
                 [](const Reals& reals) {
                     return fmt::format("f64 {} {:a}", shape_text(reals.shape), fmt::join(reals.values, " "));
                 },
                 [](const std::vector<std::string>& list) { return fmt::format("list {}", list); }},
        value);
}

void Manifest::array(const std::string& name, const Array& array) {
    auto& line = lines_["/" + name];
    line = fmt::format("{} {} {} {}", type_name(array.type), array.item_bytes, shape_text(array.shape),
                       array.rows_per_checksum);
    for (const auto& sum : array.checksums) line.append(1, ' ').append(sum.hex());
}

std::string Manifest::hash() const {
    Hasher hasher;
    for (const auto& [name, line] : lines_) hasher.add(name).add(line);
    return hasher.hex();
}

}  // namespace vtvc::h5
