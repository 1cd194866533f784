#pragma once
// safetensors: eight bytes of header length, a JSON header, then the tensors' bytes without a gap.
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "byte_source.hpp"
#include "part.hpp"

namespace vtvc::foreign {

struct SafetensorsHeader {
    Contents contents;
    std::vector<std::uint64_t> offsets;  ///< of each tensor, from the start of the data
};
/// header: the JSON; data_bytes: what follows it in the file. Offsets must cover the data exactly once.
SafetensorsHeader parse_safetensors(std::string_view header, std::uint64_t data_bytes,
                                    std::string_view where);

/// Whether the file may be one: a length that fits, then '{'.
bool looks_like_safetensors(const ByteSource& source);
std::unique_ptr<Part> open_safetensors(std::unique_ptr<ByteSource> source);

}  // namespace vtvc::foreign
