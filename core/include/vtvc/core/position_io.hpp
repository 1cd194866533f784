#pragma once
// Reading and writing by position at the speed of memory. The kernel's copy to or from its cache is several
// times slower where the two sides begin at different places of a cache line (offsets in foreign files are
// what they are, and so is memory from malloc); such bytes go through a small buffer that stays in cache.
#include <cstddef>
#include <cstdint>
#include <span>

namespace vtvc {

/// As pread and pwrite: how many bytes were moved, perhaps fewer than asked for, or −1 and errno.
std::ptrdiff_t read_at(int file, std::uint64_t offset, std::span<std::byte> out);
std::ptrdiff_t write_at(int file, std::uint64_t offset, std::span<const std::byte> bytes);

}  // namespace vtvc
