#pragma once
// The HDF5 C API, fenced in: owned ids, checked calls, and the few shapes of data that our files hold. Only
// storage and sealed include this. A file is a tree of groups; its leaves are contiguous datasets of numbers
// or of fixed-length UTF-8 text, each with checksums (XXH3) of its runs of rows. No variable-length data,
// links or filters: a damaged file cannot make a reader follow or allocate what the file's own bytes do not
// hold.
#include <hdf5.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/core/hash.hpp"

namespace vtvc::h5 {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and read without conversion");

/// Owns an HDF5 id. The destructor serves reading and unwinding; what was written is closed with close().
class Handle {
  public:
    using Close = herr_t (*)(hid_t);
    Handle() = default;
    Handle(hid_t id, Close closer) : id_(id), closer_(closer) {}
    ~Handle() { (void)close(); }
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(closer_, other.closer_);
        return *this;
    }
    hid_t get() const { return id_; }
    herr_t close() { return id_ < 0 ? 0 : closer_(std::exchange(id_, -1)); }

  private:
    hid_t id_ = -1;
    Close closer_ = nullptr;
};

/// The innermost message of HDF5's error stack and what it was part of.
std::string error_text();
/// Stops HDF5 from printing its errors (they are thrown instead). Per thread, cheap.
void silence();
/// Held while HDF5 is called, and while a child process is made that will call it: a child that inherited a
/// library in the middle of another thread's call could wait forever.
std::recursive_mutex& library();

/// Passes a result on, or throws StorageError "PATH: cannot WHAT (HDF5's reason)" when it is negative.
template <class R>
R check(R result, const std::filesystem::path& path, std::string_view what) {
    if (result < 0) fail<StorageError>("{}: cannot {} ({})", path.string(), what, error_text());
    return result;
}

/// Owns an id that a call returned, after checking it.
inline Handle own(hid_t id, Handle::Close closer, const std::filesystem::path& path, std::string_view what) {
    return Handle(check(id, path, what), closer);
}

/// In the order of DType, then what tensor files do not hold.
enum class Type { f32, f64, i32, i64, u8, text, i8, bf16 };
using Shape = std::vector<std::int64_t>;

template <class T>
constexpr Type type_of() {
    if constexpr (std::is_same_v<T, float>) return Type::f32;
    if constexpr (std::is_same_v<T, double>) return Type::f64;
    if constexpr (std::is_same_v<T, std::int32_t>) return Type::i32;
    if constexpr (std::is_same_v<T, std::int64_t>) return Type::i64;
    if constexpr (std::is_same_v<T, std::uint8_t>) return Type::u8;
    if constexpr (std::is_same_v<T, std::int8_t>) return Type::i8;
}
std::string_view type_name(Type type);
/// Bytes of a number; text has its own length and 0 here.
std::size_t type_bytes(Type type);
/// The HDF5 type of an item, in the file and in memory.
Handle item_type(Type type, std::size_t item_bytes, const std::filesystem::path& path);
/// "[2, 3]"; −1 stands for any size.
std::string shape_text(const Shape& shape);
/// Product of the sizes; StorageError naming what when one is negative or the product, zeros left out, leaves
/// 63 bits.
std::int64_t elements_of(const Shape& shape, std::string_view what);

/// What is known of a dataset beside its values.
struct Array {
    Type type = Type::f32;
    std::size_t item_bytes = 4;
    Shape shape;
    std::int64_t rows_per_checksum = 1;  ///< a checksum covers this many rows (the last: those left)
    std::vector<Digest> checksums;       ///< at least one, also for an empty array
    std::uint64_t offset = 0;            ///< of the first byte in the file, once it is in one
    std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
    std::size_t row_bytes() const;
    std::size_t bytes() const { return static_cast<std::size_t>(rows()) * row_bytes(); }
    std::int64_t checksum_count() const;
    /// What a checksum covers, of the rows that there are.
    std::int64_t unit_rows() const { return std::min(rows_per_checksum, std::max<std::int64_t>(1, rows())); }
    std::size_t unit_bytes() const { return static_cast<std::size_t>(unit_rows()) * row_bytes(); }
};

struct Reals {
    Shape shape;  ///< empty: one number
    std::vector<double> values;
};
/// What an attribute may hold.
using Value = std::variant<std::string, std::int64_t, Reals, std::vector<std::string>>;

Digest checksum(std::span<const std::byte> bytes);

/// Everything a file says, in the order of its names; its hash is the file's content hash. Values enter
/// through their checksums, so that opening a file verifies the whole tree without reading the data.
class Manifest {
  public:
    /// Attributes that tell how a file came to be (code_version, created, command) are left out.
    void attribute(const std::string& object, const std::string& name, const Value& value);
    void array(const std::string& name, const Array& array);
    std::string hash() const;

  private:
    std::map<std::string, std::string> lines_;
};

}  // namespace vtvc::h5
