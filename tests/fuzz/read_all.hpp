#pragma once
#include <vector>

#include "part.hpp"

namespace vtvc::fuzz {

/// Reads every tensor that is not too large for thousands of runs a second.
inline void read_all(const foreign::Part& part) {
    constexpr std::size_t kLargest = std::size_t{1} << 20;
    const auto& tensors = part.contents().tensors;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const auto bytes = static_cast<std::size_t>(tensors[i].elements()) * size_of(tensors[i].type);
        if (bytes > kLargest) continue;
        std::vector<std::byte> out(bytes);
        part.read(i, out);
    }
}

}  // namespace vtvc::fuzz
