#include "safetensors.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "json.hpp"
#include "names.hpp"
#include "shapes.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = std::uint64_t{32} << 20;  // some 250,000 tensors

ForeignType type_of(const std::string& dtype, std::string_view name, std::string_view where) {
    static const std::map<std::string, ForeignType> kTypes{
        {"F16", ForeignType::f16},     {"BF16", ForeignType::bf16}, {"F32", ForeignType::f32},
        {"F64", ForeignType::f64},     {"U8", ForeignType::u8},     {"I8", ForeignType::i8},
        {"I16", ForeignType::i16},     {"I32", ForeignType::i32},   {"I64", ForeignType::i64},
        {"BOOL", ForeignType::boolean}};
    const auto found = kTypes.find(dtype);
    if (found == kTypes.end())
        fail<StorageError>(
            "{}: tensor '{}' has dtype '{}' (F16, BF16, F32, F64, U8, I8, I16, I32, I64 and BOOL are read); "
            "convert it before saving",
            where, shown(name), shown(dtype));
    return found->second;
}

const json& field(const json& entry, const char* key, std::string_view name, std::string_view where) {
    const auto found = entry.find(key);
    if (found == entry.end())
        fail<StorageError>("{}: tensor '{}' has no {} in the header", where, shown(name), key);
    return *found;
}

/// A list of whole numbers from 0 to 2^63 - 1.
std::vector<std::int64_t> whole_numbers(const json& value, const char* key, std::string_view name,
                                        std::string_view where) {
    std::vector<std::int64_t> numbers;
    if (value.is_array() && value.size() <= kMostDimensions) {
        for (const auto& number : value) {
            if (!number.is_number_unsigned() || number.get<std::uint64_t>() > INT64_MAX) break;
            numbers.push_back(number.get<std::int64_t>());
        }
        if (numbers.size() == value.size()) return numbers;
    }
    fail<StorageError>("{}: {} of tensor '{}' is not a list of at most {} whole numbers", where, key,
                       shown(name), kMostDimensions);
}

void read_metadata(const json& metadata, std::map<std::string, std::string>& notes, std::string_view where) {
    if (!metadata.is_object())
        fail<StorageError>("{}: __metadata__ in the header is not an object of texts", where);
    for (const auto& [key, value] : metadata.items()) {
        if (!value.is_string())
            fail<StorageError>("{}: '{}' in __metadata__ is not a text", where, shown(key));
        notes[key] = value.get<std::string>();
    }
}

/// Every byte of the data belongs to one tensor: sorted, each begins where the one before ends.
void check_cover(const SafetensorsHeader& header, std::uint64_t data_bytes, std::string_view where) {
    const auto& tensors = header.contents.tensors;
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto bytes = [&](std::size_t i) { return *bytes_of(tensors[i].shape, size_of(tensors[i].type)); };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(header.offsets[a], bytes(a)) < std::pair(header.offsets[b], bytes(b));
    });
    std::uint64_t at = 0;
    for (const auto i : order) {
        if (header.offsets[i] < at)
            fail<StorageError>("{}: tensor '{}' overlaps another (its bytes begin at {}, {} are taken)",
                               where, shown(tensors[i].name), header.offsets[i], at);
        if (header.offsets[i] > at)
            fail<StorageError>("{}: bytes {} to {} of the data belong to no tensor (before '{}')", where, at,
                               header.offsets[i], shown(tensors[i].name));
        at += bytes(i);
    }
    if (at != data_bytes)
        fail<StorageError>("{}: its tensors have {} bytes, {} follow the header; was it cut or extended?",
                           where, at, data_bytes);
}

class SafetensorsPart final : public Part {
  public:
    SafetensorsPart(std::unique_ptr<ByteSource> source, SafetensorsHeader header, std::uint64_t data_begin)
        : Part(std::move(header.contents)),
          source_(std::move(source)),
          offsets_(std::move(header.offsets)),
          data_begin_(data_begin) {}
    void read(std::size_t index, std::span<std::byte> out) const override {
        source_->read(data_begin_ + offsets_[index], out);
    }

  private:
    std::unique_ptr<ByteSource> source_;
    std::vector<std::uint64_t> offsets_;
    std::uint64_t data_begin_;
};

std::uint64_t header_length(const ByteSource& source) {
    std::array<std::byte, kLengthBytes> raw{};
    source.read(0, raw);
    std::uint64_t length = 0;
    for (std::size_t i = raw.size(); i-- > 0;) length = length << 8U | std::to_integer<std::uint64_t>(raw[i]);
    return length;
}

}  // namespace

SafetensorsHeader parse_safetensors(std::string_view text, std::uint64_t data_bytes, std::string_view where) {
    const json root = parse_json(text, "header", where);
    if (!root.is_object()) fail<StorageError>("{}: its header is not a JSON object", where);
    SafetensorsHeader header;
    header.contents.layout = "safetensors";
    for (const auto& [name, entry] : root.items()) {
        if (name == "__metadata__") {
            read_metadata(entry, header.contents.notes, where);
            continue;
        }
        check_tensor_name(name, where);
        if (!entry.is_object())
            fail<StorageError>("{}: the header says nothing of tensor '{}'", where, shown(name));
        const auto& dtype = field(entry, "dtype", name, where);
        if (!dtype.is_string())
            fail<StorageError>("{}: the dtype of tensor '{}' is not a text", where, shown(name));
        ForeignTensor tensor;
        tensor.name = name;
        tensor.type = type_of(dtype.get_ref<const std::string&>(), name, where);
        tensor.shape = whole_numbers(field(entry, "shape", name, where), "shape", name, where);
        const auto offsets =
            whole_numbers(field(entry, "data_offsets", name, where), "data_offsets", name, where);
        if (offsets.size() != 2 || offsets[0] > offsets[1] ||
            static_cast<std::uint64_t>(offsets[1]) > data_bytes)
            fail<StorageError>(
                "{}: data_offsets {} of tensor '{}' leave the data (it has {} bytes); was it cut?", where,
                shape_text(offsets), shown(name), data_bytes);
        const auto bytes = bytes_of(tensor.shape, size_of(tensor.type));
        if (!bytes)
            fail<StorageError>("{}: shape {} of tensor '{}' has more elements than can be counted", where,
                               shape_text(tensor.shape), shown(name));
        if (*bytes != static_cast<std::uint64_t>(offsets[1] - offsets[0]))
            fail<StorageError>("{}: tensor '{}' of {} {} needs {} bytes, its data_offsets span {}", where,
                               shown(name), name_of(tensor.type), shape_text(tensor.shape), *bytes,
                               offsets[1] - offsets[0]);
        header.offsets.push_back(static_cast<std::uint64_t>(offsets[0]));
        header.contents.tensors.push_back(std::move(tensor));
    }
    check_cover(header, data_bytes, where);
    return header;
}

bool looks_like_safetensors(const ByteSource& source) {
    if (source.size() < kLengthBytes + 2) return false;
    const auto length = header_length(source);
    return length >= 2 && length <= source.size() && read_string(source, kLengthBytes, 1) == "{";
}

std::unique_ptr<Part> open_safetensors(std::unique_ptr<ByteSource> source) {
    const auto& where = source->name();
    if (source->size() < kLengthBytes)
        fail<StorageError>("{}: {} bytes are too few for a safetensors file; was it cut?", where,
                           source->size());
    const auto length = header_length(*source);
    if (length > source->size() - kLengthBytes)
        fail<StorageError>("{}: its header of {} bytes does not fit into a file of {}; was it cut?", where,
                           length, source->size());
    if (length > kLargestHeader)
        fail<StorageError>("{}: its header has {} bytes (at most {} are read)", where, length,
                           kLargestHeader);
    const auto data_begin = kLengthBytes + length;
    auto header = parse_safetensors(read_string(*source, kLengthBytes, static_cast<std::size_t>(length)),
                                    source->size() - data_begin, where);
    return std::make_unique<SafetensorsPart>(std::move(source), std::move(header), data_begin);
}

}  // namespace vtvc::foreign
