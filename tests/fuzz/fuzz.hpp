#pragma once
// What the fuzz targets share. A target gives a parser the bytes and lets exactly one kind of exception pass:
// the StorageError that is the parser's answer to a bad file. Anything else ends the program, which libFuzzer
// reports.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "vtvc/core/error.hpp"

namespace vtvc::fuzz {

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}
inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

template <class Parse>
int one_input(Parse parse) {
    try {
        parse();
    } catch (const StorageError&) {
        return 0;  // refused, with a message
    }
    return 0;
}

/// For readers that also take options or configurations, and answer these with a ConfigError.
template <class Read>
int one_request(Read read) {
    return one_input([&] {
        try {
            read();
        } catch (const ConfigError&) {
            return;  // refused, with a message
        }
    });
}

}  // namespace vtvc::fuzz
