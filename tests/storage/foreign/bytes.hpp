#pragma once
// Bytes of foreign files, put together by hand.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace vtvc::test {

/// A number as it lies in a little-endian file.
template <class T>
std::string raw(T value) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

template <class T>
std::string raw_list(const std::vector<T>& values) {
    std::string bytes;
    for (const auto value : values) bytes += raw(value);
    return bytes;
}

inline std::string safetensors(const std::string& header, const std::string& data) {
    return raw<std::uint64_t>(header.size()) + header + data;
}

inline std::span<const std::byte> bytes_in(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace vtvc::test
