#include "h5_index.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace vtvc::h5 {

namespace {

constexpr std::string_view kMagic = "VTVCIDX1";
constexpr std::string_view kPlace = "\nindex ";  // in the user block: file's bytes, offset, bytes, checksum
constexpr std::uint32_t kMostAxes = 32;          // HDF5's own limit

class Out {
  public:
    template <class T>
    void number(T value) {
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    }
    void raw(std::string_view text) {
        const auto bytes = std::as_bytes(std::span(text));
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void text(std::string_view value) {
        number(static_cast<std::uint32_t>(value.size()));
        raw(value);
    }
    void shape(const Shape& sizes) {
        number(static_cast<std::uint32_t>(sizes.size()));
        for (const auto size : sizes) number(size);
    }
    std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

/// Takes from a span that it never leaves.
class In {
  public:
    In(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}
    [[noreturn]] void refuse(std::string_view why) const {
        fail<StorageError>("{}: its index {} (damaged, or made by another program); make or copy it again",
                           path_, why);
    }
    std::span<const std::byte> raw(std::uint64_t count) {
        if (count > bytes_.size()) refuse("ends too early");
        const auto part = bytes_.first(static_cast<std::size_t>(count));
        bytes_ = bytes_.subspan(part.size());
        return part;
    }
    template <class T>
    T number() {
        T value{};
        std::memcpy(&value, raw(sizeof value).data(), sizeof value);
        return value;
    }
    std::string text() {
        const auto part = raw(number<std::uint32_t>());
        return {reinterpret_cast<const char*>(part.data()), part.size()};
    }
    /// A count of things that take at least so many bytes each.
    std::uint64_t count(std::uint64_t bytes_each) {
        const auto value = number<std::uint64_t>();
        if (value > bytes_.size() / bytes_each) refuse("counts more than it holds");
        return value;
    }
    Shape shape() {
        const auto rank = number<std::uint32_t>();
        if (rank > kMostAxes) refuse("has an array of too many axes");
        Shape sizes(rank);
        for (auto& size : sizes) size = number<std::int64_t>();
        return sizes;
    }
    bool done() const { return bytes_.empty(); }

  private:
    std::span<const std::byte> bytes_;
    const std::string& path_;
};

void put(Out& out, const Value& value) {
    out.number(static_cast<std::uint8_t>(value.index()));
    if (const auto* text = std::get_if<std::string>(&value)) {
        out.text(*text);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
        out.number(*number);
    } else if (const auto* reals = std::get_if<Reals>(&value)) {
        out.shape(reals->shape);
        for (const auto real : reals->values) out.number(real);
    } else {
        const auto& list = std::get<std::vector<std::string>>(value);
        out.number(static_cast<std::uint64_t>(list.size()));
        for (const auto& entry : list) out.text(entry);
    }
}

Value take_value(In& in, const std::string& path) {
    switch (in.number<std::uint8_t>()) {
        case 0:
            return in.text();
        case 1:
            return in.number<std::int64_t>();
        case 2: {
            Reals reals{in.shape(), {}};
            const auto count = static_cast<std::uint64_t>(elements_of(reals.shape, path));
            const auto bytes = count > UINT64_MAX / sizeof(double) ? UINT64_MAX : count * sizeof(double);
            const auto part = in.raw(bytes);
            reals.values.resize(static_cast<std::size_t>(count));
            if (count > 0) std::memcpy(reals.values.data(), part.data(), part.size());
            return reals;
        }
        case 3: {
            std::vector<std::string> list(static_cast<std::size_t>(in.count(sizeof(std::uint32_t))));
            for (auto& text : list) text = in.text();
            return list;
        }
        default:
            in.refuse("has an attribute of an unknown type");
    }
}

void put(Out& out, const Array& array) {
    out.number(static_cast<std::uint8_t>(array.type));
    out.number(static_cast<std::uint64_t>(array.item_bytes));
    out.shape(array.shape);
    out.number(array.offset);
    out.number(array.rows_per_checksum);
    out.number(static_cast<std::uint64_t>(array.checksums.size()));
    for (const auto& sum : array.checksums) out.number(sum);
}

Array take_array(In& in, const std::string& path, std::uint64_t file_bytes) {
    Array array;
    const auto type = in.number<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(Type::bf16)) in.refuse("has an array of an unknown type");
    array.type = static_cast<Type>(type);
    const auto item_bytes = in.number<std::uint64_t>();
    if (array.type == Type::text ? item_bytes < 1 || item_bytes > file_bytes
                                 : item_bytes != type_bytes(array.type))
        in.refuse("has an array of impossible items");
    array.item_bytes = static_cast<std::size_t>(item_bytes);
    array.shape = in.shape();
    const auto elements = static_cast<std::uint64_t>(elements_of(array.shape, path));
    array.offset = in.number<std::uint64_t>();
    if (elements > file_bytes / item_bytes || array.offset > file_bytes - elements * item_bytes)
        in.refuse("has an array that ends beyond the file");
    array.rows_per_checksum = in.number<std::int64_t>();
    if (array.rows_per_checksum < 1) in.refuse("has an array without checksums");
    const auto sums = in.count(sizeof(Digest));
    if (static_cast<std::int64_t>(sums) != array.checksum_count())
        in.refuse("has an array with too few checksums");
    array.checksums.resize(static_cast<std::size_t>(sums));
    std::memcpy(array.checksums.data(), in.raw(sums * sizeof(Digest)).data(),
                array.checksums.size() * sizeof(Digest));
    return array;
}

struct Extent {
    std::uint64_t first, end;
};

/// The parts of [user block, file's end) that no array and not the index takes. Nothing when arrays overlap.
std::optional<std::vector<Extent>> gaps(const Index& index, Extent own) {
    std::vector<Extent> taken{own};
    for (const auto& [name, array] : index.arrays)
        if (array.bytes() > 0) taken.push_back({array.offset, array.offset + array.bytes()});
    std::sort(taken.begin(), taken.end(), [](const Extent& a, const Extent& b) { return a.first < b.first; });
    std::vector<Extent> free;
    std::uint64_t at = kUserBlock;
    for (const auto& part : taken) {
        if (part.first < at) return std::nullopt;
        if (part.first > at) free.push_back({at, part.first});
        at = part.end;
    }
    if (at < index.file_bytes) free.push_back({at, index.file_bytes});
    return free;
}

Digest digest_of(const File& file, const std::vector<Extent>& parts) {
    Hasher hasher;
    std::vector<std::byte> buffer;
    for (const auto& part : parts)
        for (auto at = part.first; at < part.end;) {
            buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(part.end - at, 1 << 20)));
            file.read(at, buffer);
            hasher.add(buffer);
            at += buffer.size();
        }
    return hasher.digest();
}

/// Where the index lies, as the user block tells it.
struct Place {
    std::uint64_t file_bytes = 0, offset = 0, bytes = 0;
    std::string sum;
};

std::optional<Place> find_place(const File& file) {
    if (file.bytes() < kUserBlock) return std::nullopt;
    std::string block(kUserBlock, '\0');
    file.read(0, std::as_writable_bytes(std::span(block)));
    const auto start = block.starts_with("vtvc ") ? block.find(kPlace) : std::string::npos;
    if (start == std::string::npos) return std::nullopt;
    Place place;
    const char* at = block.data() + start + kPlace.size();
    const char* const end = block.data() + block.size();
    for (auto* number : {&place.file_bytes, &place.offset, &place.bytes}) {
        const auto [next, error] = std::from_chars(at, end, *number);
        if (error != std::errc() || next == end || *next != ' ') return std::nullopt;
        at = next + 1;
    }
    place.sum = std::string(at, std::min<std::size_t>(32, static_cast<std::size_t>(end - at)));
    const bool inside = place.file_bytes == file.bytes() && place.offset >= kUserBlock &&
                        place.offset < file.bytes() && place.bytes <= file.bytes() - place.offset;
    return inside ? std::optional(place) : std::nullopt;
}

}  // namespace

std::string Index::content_hash() const {
    Manifest manifest;
    for (const auto& [key, value] : attributes) manifest.attribute(key.first, key.second, value);
    for (const auto& [name, array] : arrays) manifest.array(name, array);
    return manifest.hash();
}

void check_kind(const Index& index, const std::string& path, const std::string& kind, std::int64_t version) {
    const auto text = [&](const char* name) {
        const auto found = index.attributes.find({"/", name});
        const auto* value =
            found == index.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
        return value == nullptr ? "" : *value;
    };
    const auto found_kind = text("vtvc_kind");
    if (found_kind.empty())
        fail<StorageError>("{}: not a file of vtvc (it has no attribute vtvc_kind)", path);
    if (found_kind != kind)
        fail<StorageError>("{}: is a '{}' file, a '{}' file is needed here", path, found_kind, kind);
    const auto number = index.attributes.find({"/", "vtvc_version"});
    const auto* found =
        number == index.attributes.end() ? nullptr : std::get_if<std::int64_t>(&number->second);
    if (found == nullptr || (*found != version && version != kAnyVersion))
        fail<StorageError>(
            "{}: has version {} of the '{}' format, this program reads version {}; make it again or use the "
            "program "
            "that wrote it ({})",
            path, found == nullptr ? 0 : *found, kind, version, text("code_version"));
}

std::string unpadded(const std::byte* bytes, std::size_t width) {
    const auto* text = reinterpret_cast<const char*>(bytes);
    return {text, strnlen(text, width)};
}

std::vector<std::byte> to_bytes(const Index& index) {
    Out out;
    out.raw(kMagic);
    out.number(index.file_bytes);
    out.number(index.rest);
    out.number(static_cast<std::uint64_t>(index.attributes.size()));
    for (const auto& [key, value] : index.attributes) {
        out.text(key.first);
        out.text(key.second);
        put(out, value);
    }
    out.number(static_cast<std::uint64_t>(index.arrays.size()));
    for (const auto& [name, array] : index.arrays) {
        out.text(name);
        put(out, array);
    }
    return out.take();
}

Index parse_index(std::span<const std::byte> bytes, const std::string& path, std::uint64_t file_bytes) {
    In in(bytes, path);
    const auto magic = in.raw(kMagic.size());
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) in.refuse("does not begin as one");
    Index index;
    index.file_bytes = in.number<std::uint64_t>();
    index.rest = in.number<Digest>();
    for (auto left = in.count(2 * sizeof(std::uint32_t)); left > 0; --left) {
        auto object = in.text(), name = in.text();
        auto value = take_value(in, path);
        if (!index.attributes.emplace(std::pair(std::move(object), std::move(name)), std::move(value)).second)
            in.refuse("names an attribute twice");
    }
    for (auto left = in.count(sizeof(std::uint32_t)); left > 0; --left) {
        auto name = in.text();
        auto array = take_array(in, path, file_bytes);
        const auto before = index.arrays.size();
        index.arrays.emplace_hint(index.arrays.end(), std::move(name), std::move(array));
        if (index.arrays.size() == before) in.refuse("names an array twice");
    }
    if (!in.done()) in.refuse("goes on after its end");
    return index;
}

Sighting look_at(const File& file) {
    const auto place = find_place(file);
    if (!place) return {};
    std::vector<std::byte> bytes(static_cast<std::size_t>(place->bytes));
    file.read(place->offset, bytes);
    if (checksum(bytes).hex() != place->sum) return {{}, "its index does not match its checksum"};
    auto index = parse_index(bytes, file.path(), file.bytes());
    const auto free = gaps(index, {place->offset, place->offset + place->bytes});
    if (index.file_bytes != file.bytes() || !free) return {{}, "its index contradicts itself"};
    if (digest_of(file, *free) != index.rest)
        return {std::move(index), "its HDF5 tables do not match their checksum"};
    return {std::move(index), ""};
}

std::optional<Index> read_index(const File& file) {
    auto seen = look_at(file);
    if (!seen.damage.empty())
        fail<StorageError>(
            "{}: {} (it was damaged, or edited by another program, after it was written); make or copy it "
            "again, "
            "or see with `vtvc verify` what is still good",
            file.path(), seen.damage);
    return std::move(seen.index);
}

void write_index(const std::filesystem::path& path, Index index, std::uint64_t offset,
                 std::string_view title) {
    const auto file = File::open(path);
    index.file_bytes = file.bytes();
    const auto size = to_bytes(index).size();
    const auto free = gaps(index, {offset, offset + size});
    if (!free || offset + size > file.bytes())
        fail<StorageError>("{}: HDF5 did not put its arrays where it said", path.string());
    index.rest = digest_of(file, *free);
    const auto bytes = to_bytes(index);
    auto block =
        fmt::format("vtvc {}\nAn HDF5 file: its HDF5 part begins at byte {}.{}{} {} {} {}\n", title,
                    kUserBlock, kPlace, index.file_bytes, offset, bytes.size(), checksum(bytes).hex());
    block.resize(kUserBlock, '\0');

    auto out = OutFile::open(path);
    out.write(offset, bytes);
    out.write(0, std::as_bytes(std::span(block)));
    out.close();
}

}  // namespace vtvc::h5
