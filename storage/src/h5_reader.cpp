#include "h5_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "h5_walk.hpp"

namespace vtvc::h5 {

namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 19;  // at a time: what is read is hashed while in cache

std::vector<std::string> split_texts(std::span<const std::byte> bytes, std::size_t width) {
    std::vector<std::string> list;
    for (std::size_t at = 0; at < bytes.size(); at += width)
        list.push_back(unpadded(bytes.data() + at, width));
    return list;
}

/// The first of the units, from this one on, that does not match its checksum.
std::optional<std::int64_t> damaged_unit(const Array& known, std::int64_t unit,
                                         std::span<const std::byte> bytes) {
    thread_local Hasher hasher;
    for (const auto unit_bytes = known.unit_bytes(); !bytes.empty(); ++unit) {
        const auto part = bytes.first(std::min(unit_bytes, bytes.size()));
        if (hasher.reset().add(part).digest() != known.checksums[static_cast<std::size_t>(unit)]) return unit;
        bytes = bytes.subspan(part.size());
    }
    return std::nullopt;
}

bool starts_like_hdf5(const File& file) {
    constexpr std::array<char, 8> signature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    std::array<char, 8> start{};
    for (const std::uint64_t at : {0, 512, 1024, 2048}) {  // HDF5 allows for a user block before its own part
        if (file.bytes() < at + start.size()) break;
        file.read(at, std::as_writable_bytes(std::span(start)));
        if (start == signature) return true;
    }
    return false;
}

}  // namespace

Reader::Reader(File file, Index index) : file_(std::move(file)), index_(std::move(index)) {
    by_name_.reserve(index_.arrays.size());
    for (const auto& [name, array] : index_.arrays) by_name_.emplace(name, &array);
}

bool is_hdf5(const std::filesystem::path& path) { return starts_like_hdf5(File::open(path)); }

Reader Reader::open(const std::filesystem::path& path, const std::string& kind, std::int64_t version) {
    auto file = File::open(path);
    if (!starts_like_hdf5(file))
        fail<StorageError>("{}: not an HDF5 file (was it cut, or is it of another program?)", file.path());
    auto index = read_index(file);
    if (!index) index = walk_in_child(file, kind, version);
    check_kind(*index, file.path(), kind, version);
    return {std::move(file), std::move(*index)};
}

const Value& Reader::attribute(const std::string& object, const std::string& name) const {
    const auto found = index_.attributes.find({object, name});
    if (found == index_.attributes.end())
        refuse("'{}' has no attribute {}; make the file again", object, name);
    return found->second;
}

const std::string& Reader::text_attribute(const std::string& object, const std::string& name) const {
    const auto* value = std::get_if<std::string>(&attribute(object, name));
    if (value == nullptr) refuse("attribute {} of '{}' is not text", name, object);
    return *value;
}

std::int64_t Reader::integer(const std::string& object, const std::string& name) const {
    const auto* value = std::get_if<std::int64_t>(&attribute(object, name));
    if (value == nullptr) refuse("attribute {} of '{}' is not a whole number", name, object);
    return *value;
}

const Reals& Reader::reals(const std::string& object, const std::string& name, const Shape& shape) const {
    const auto* value = std::get_if<Reals>(&attribute(object, name));
    if (value == nullptr || value->shape != shape)
        refuse("attribute {} of '{}' is not an array of real numbers of shape {}", name, object,
               shape_text(shape));
    return *value;
}

const Array& Reader::about(const std::string& name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) refuse("'{}' is missing; make the file again", name);
    return *found->second;
}

const Array& Reader::expect(const std::string& name, Type type, const Shape& shape) const {
    const Array& found = about(name);
    const bool fits =
        found.type == type &&
        std::equal(shape.begin(), shape.end(), found.shape.begin(), found.shape.end(),
                   [](std::int64_t wanted, std::int64_t is) { return wanted < 0 || wanted == is; });
    if (!fits)
        refuse("'{}' is {} of shape {}, {} of shape {} is needed", name, type_name(found.type),
               shape_text(found.shape), type_name(type), shape_text(shape));
    return found;
}

std::vector<std::string> Reader::names(const std::string& group) const {
    const auto prefix = group + "/";
    std::vector<std::string> list;
    for (auto at = index_.arrays.lower_bound(prefix);
         at != index_.arrays.end() && at->first.starts_with(prefix); ++at)
        list.push_back(at->first.substr(prefix.size()));
    return list;
}

std::string Reader::text(const std::string& name) const {
    const Array& known = expect(name, Type::text, {});
    std::vector<std::byte> bytes(known.bytes());
    read(name, 0, 1, bytes);
    return unpadded(bytes.data(), bytes.size());
}

std::vector<std::string> Reader::texts(const std::string& name) const {
    const Array& known = expect(name, Type::text, {-1});
    std::vector<std::byte> bytes(known.bytes());
    read(name, 0, known.rows(), bytes);
    return split_texts(bytes, known.item_bytes);
}

void Reader::check_rows(const std::string& name, std::int64_t first, std::int64_t count) const {
    const auto rows = about(name).rows();
    if (first < 0 || count < 0 || first > rows || count > rows - first)
        refuse("rows [{}, {} + {}) of '{}' asked for, it has {}", first, first, count, name, rows);
}

void Reader::refuse_unit(const std::string& name, const Array& known, std::int64_t unit) const {
    const auto from = unit * known.unit_rows();
    refuse(
        "rows {} to {} of '{}' do not match their checksum (the file was damaged after it was written); make "
        "or copy it again",
        from, std::min(from + known.unit_rows(), known.rows()), name);
}

void Reader::verify(const std::string& name, std::int64_t first, std::int64_t count, const MappedFile* mapped,
                    std::vector<CacheLine>& buffer) const {
    const Array& known = about(name);
    check_rows(name, first, count);
    const auto bytes = static_cast<std::size_t>(count) * known.row_bytes();
    const auto offset = known.offset + static_cast<std::uint64_t>(first) * known.row_bytes();
    if (mapped != nullptr && bytes > 0 && mapped->resident(offset, bytes)) {
        std::optional<std::int64_t> damaged;
        const auto look = [&](std::span<const std::byte> there) {
            damaged = damaged_unit(known, first / known.unit_rows(), there);
        };
        if (mapped->with(offset, bytes, look)) {
            if (damaged) refuse_unit(name, known, *damaged);
            return;
        }
    }
    const auto step = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(kReadBytes / std::max<std::size_t>(1, known.unit_bytes())));
    for (auto from = first; from < first + count; from += step * known.unit_rows()) {
        const auto rows = std::min(step * known.unit_rows(), first + count - from);
        const auto part = static_cast<std::size_t>(rows) * known.row_bytes();
        if (buffer.size() * sizeof(CacheLine) < part) buffer.resize(part / sizeof(CacheLine) + 1);
        read(name, from, rows, std::as_writable_bytes(std::span(buffer)).first(part));
    }
}

void Reader::read(const std::string& name, std::int64_t first, std::int64_t count,
                  std::span<std::byte> out) const {
    const Array& known = about(name);
    check_rows(name, first, count);
    const auto row_bytes = known.row_bytes();
    if (out.size() != static_cast<std::size_t>(count) * row_bytes)
        refuse("{} rows of '{}' have {} bytes, room for {} was given", count, name,
               static_cast<std::size_t>(count) * row_bytes, out.size());
    if (out.empty()) return;

    // In bytes of the array. Units wanted whole are read in place, several at once; those at the two ends
    // through a buffer.
    const auto unit_bytes = known.unit_bytes();
    const auto begin = static_cast<std::size_t>(first) * row_bytes, end = begin + out.size();
    const auto at_once = std::max<std::size_t>(1, kReadBytes / unit_bytes) * unit_bytes;
    std::vector<std::byte> buffer;
    for (auto at = begin; at < end;) {
        const auto unit = at / unit_bytes, low = unit * unit_bytes;
        const auto high = std::min(low + unit_bytes, known.bytes());
        if (low == at && high <= end) {
            // All of these units, or those of them that end where the rows do.
            const auto most = std::min(at + at_once, end);
            const auto to = most == known.bytes() ? most : most / unit_bytes * unit_bytes;
            const auto target = out.subspan(at - begin, to - at);
            file_.read(known.offset + at, target);
            if (const auto bad = damaged_unit(known, static_cast<std::int64_t>(unit), target))
                refuse_unit(name, known, *bad);
            at = to;
        } else {
            buffer.resize(high - low);
            file_.read(known.offset + low, buffer);
            if (const auto bad = damaged_unit(known, static_cast<std::int64_t>(unit), buffer))
                refuse_unit(name, known, *bad);
            const auto to = std::min(high, end);
            std::copy_n(buffer.begin() + static_cast<std::ptrdiff_t>(at - low), to - at,
                        out.begin() + static_cast<std::ptrdiff_t>(at - begin));
            at = to;
        }
    }
}

std::string peek(const std::filesystem::path& path, const std::string& attribute) {
    const auto file = File::open(path);
    if (!starts_like_hdf5(file))
        fail<StorageError>("{}: not an HDF5 file (was it cut, or is it of another program?)", file.path());
    const auto index = read_index(file);
    if (!index) return peek_in_child(file, attribute);
    const auto found = index->attributes.find({"/", attribute});
    if (found == index->attributes.end()) return "";
    const auto* text = std::get_if<std::string>(&found->second);
    if (text == nullptr) fail<StorageError>("{}: attribute {} is not text", file.path(), attribute);
    return *text;
}

}  // namespace vtvc::h5
