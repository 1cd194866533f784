#include "vtvc/imports/safetensors_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {

const char* dtype(ForeignType type) {
    switch (type) {
        case ForeignType::f16:
            return "F16";
        case ForeignType::bf16:
            return "BF16";
        case ForeignType::f32:
            return "F32";
        case ForeignType::f64:
            return "F64";
        case ForeignType::u8:
            return "U8";
        case ForeignType::i8:
            return "I8";
        case ForeignType::i16:
            return "I16";
        case ForeignType::i32:
            return "I32";
        case ForeignType::i64:
            return "I64";
        case ForeignType::boolean:
            return "BOOL";
    }
    return "";
}

std::size_t bytes_of(const ForeignTensor& tensor) {
    return static_cast<std::size_t>(tensor.elements()) * size_of(tensor.type);
}

std::string header_of(const std::vector<ForeignTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    auto header = nlohmann::ordered_json::object();  // also of no tensors
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::size_t offset = 0;
    for (const auto& tensor : tensors) {
        const auto bytes = bytes_of(tensor);
        header[tensor.name] = {{"dtype", dtype(tensor.type)},
                               {"shape", tensor.shape},
                               {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    auto text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data start at a multiple of 8
    return text;
}

/// The 16 bits of an IEEE half nearest to a value; infinite where it is too large.
std::uint16_t to_half(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
    const std::uint32_t size = bits & 0x7FFFFFFFU;
    if (size > 0x7F800000U) return sign | 0x7E00U;
    if (size >= 0x47800000U) return sign | 0x7C00U;  // 65,536 and more
    if (size < 0x38800000U) {                        // below 2^-14: counts of 2^-24
        const float scaled = std::bit_cast<float>(size) * 16777216.0F;
        return sign | static_cast<std::uint16_t>(std::nearbyint(scaled));
    }
    const std::uint32_t rebased = size - 0x38000000U;
    const std::uint32_t odd = rebased >> 13 & 1U;
    return sign | static_cast<std::uint16_t>((rebased + 0xFFFU + odd) >> 13);
}

std::uint16_t to_bfloat(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

template <class T, class Convert>
std::vector<std::byte> converted(std::span<const float> values, Convert convert) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const T out = convert(values[i]);
        std::memcpy(bytes.data() + i * sizeof(T), &out, sizeof(T));
    }
    return bytes;
}

}  // namespace

std::vector<std::byte> to_bytes(std::span<const float> values, ForeignType type, const std::string& name) {
    if (type == ForeignType::f32) {
        const auto bytes = std::as_bytes(values);
        return {bytes.begin(), bytes.end()};
    }
    if (type == ForeignType::f64)
        return converted<double>(values, [](float v) { return static_cast<double>(v); });
    if (type == ForeignType::bf16) return converted<std::uint16_t>(values, to_bfloat);
    if (type != ForeignType::f16)
        fail<StorageError>("'{}' cannot be written as {} (weights are floating numbers)", name,
                           name_of(type));
    for (const float value : values)
        if (std::isfinite(value) && (to_half(value) & 0x7FFFU) == 0x7C00U)
            fail<StorageError>("'{}' holds {}, too large for f16 (its largest is 65504); write it as f32",
                               name, value);
    return converted<std::uint16_t>(values, to_half);
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<ForeignTensor>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path.string()),
      tensors_(tensors),
      pending_(path, std::accumulate(tensors.begin(), tensors.end(), std::uint64_t{4096},
                                     [](std::uint64_t sum, const ForeignTensor& t) {
                                         return sum + bytes_of(t) + t.name.size() + 128;
                                     })) {
    file_.value = ::open(pending_.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file_.value < 0) fail<StorageError>("{}: cannot be made ({})", path_, std::strerror(errno));
    const auto header = header_of(tensors_, metadata);
    const std::uint64_t length = header.size();
    put(std::as_bytes(std::span(&length, 1)));
    put(std::as_bytes(std::span(header)));
}

SafetensorsWriter::Descriptor::~Descriptor() {
    if (value >= 0) (void)::close(value);
}

void SafetensorsWriter::put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto written = ::write(file_.value, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail<StorageError>("{}: cannot be written ({})", path_, std::strerror(errno));
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
    if (next_ == tensors_.size()) fail<StorageError>("{}: more tensors than announced", path_);
    const auto& tensor = tensors_[next_++];
    if (bytes.size() != bytes_of(tensor))
        fail<StorageError>("{}: {} bytes given for tensor '{}' of {}", path_, bytes.size(), tensor.name,
                           bytes_of(tensor));
    put(bytes);
}

void SafetensorsWriter::finish() {
    if (next_ != tensors_.size())
        fail<StorageError>("{}: {} of {} tensors were given", path_, next_, tensors_.size());
    if (::close(std::exchange(file_.value, -1)) != 0)
        fail<StorageError>("{}: cannot be closed ({})", path_, std::strerror(errno));
    pending_.commit();
}

}  // namespace vtvc
