#pragma once
// The header of an .npy file: magic, version, length, and a Python dict in text.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc::foreign {

struct NpyHeader {
    ForeignType type = ForeignType::f32;
    std::vector<std::int64_t> shape;
    bool fortran = false;  ///< the first dimension runs fastest
    bool big_endian = false;
    std::uint64_t bytes = 0;  ///< of the header, with magic: the data begin here
};

constexpr std::size_t kNpyPreamble = 12;             // magic, version and length of any version
constexpr std::uint64_t kLargestNpyHeader = 65'536;  // as NumPy's own limit for headers it does not trust

bool looks_like_npy(std::string_view start);
/// Bytes of the whole header, from its first kNpyPreamble bytes (or the whole file, if that is shorter).
std::uint64_t npy_header_bytes(std::string_view start, std::string_view where);
/// header: npy_header_bytes of them. data_bytes: what follows in the file; must be what type and shape need.
NpyHeader parse_npy_header(std::string_view header, std::uint64_t data_bytes, std::string_view where);
/// From the file's order of elements and bytes to row-major little-endian, in place.
void normalise(const NpyHeader& header, std::span<std::byte> values);

}  // namespace vtvc::foreign
