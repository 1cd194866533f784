#pragma once
// IDX files (images: unsigned bytes, N×H×W or N×H×W×3; labels: N), plain or gzipped.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc {

struct IdxArray {
    std::vector<std::int64_t> shape;
    std::vector<std::uint8_t> values;
};
/// Sizes in the header are checked against the bytes that follow before anything is allocated for them beyond
/// the file's own length; StorageError says what was promised and what is there.
IdxArray read_idx(const std::filesystem::path& path);
/// The same from bytes already read; where is what messages call them.
IdxArray parse_idx(std::string bytes, std::string_view where);

}  // namespace vtvc
