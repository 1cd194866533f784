#pragma once
// The labels of the test split. Only the libraries that evaluate and report link this (vtvc_sealed); for all
// others the header is not on the include path.
#include <cstdint>
#include <filesystem>
#include <vector>

namespace vtvc {

/// Row-aligned with Dataset::read(Split::test); rows [first, first + count), count 0: to the end.
std::vector<std::int32_t> read_test_labels(const std::filesystem::path& dataset, std::int64_t first = 0,
                                           std::int64_t count = 0);

}  // namespace vtvc
