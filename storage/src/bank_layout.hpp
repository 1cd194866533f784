#pragma once
// What the writer and the reader of banks must agree on.
#include <cstdint>
#include <string>

namespace vtvc {

inline constexpr const char* kBankKind = "bank";
inline constexpr std::int64_t kBankVersion = 1;
inline std::string base_place(const std::string& block) { return "base/" + block; }
/// [K, …]: the vectors of one block one after another, so that one of them is one run of bytes with a
/// checksum.
inline std::string tasks_place(const std::string& block) { return "tasks/" + block; }

}  // namespace vtvc
