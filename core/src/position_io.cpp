#include "vtvc/core/position_io.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace vtvc {

namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kDirectBelow = std::size_t{1} << 14;  // too few bytes for a second copy to pay
constexpr std::size_t kAtOnce = std::size_t{1} << 18;       // half of a core's second cache or less

struct alignas(kLine) Line {
    std::array<std::byte, kLine> bytes;
};

bool side_by_side(const std::byte* memory, std::uint64_t offset, std::size_t bytes) {
    return bytes < kDirectBelow || reinterpret_cast<std::uintptr_t>(memory) % kLine == offset % kLine;
}

/// Room that lies as the file's bytes at offset do.
std::span<std::byte> room_for(std::uint64_t offset, std::size_t bytes) {
    thread_local std::vector<Line> lines;
    if (lines.empty()) lines.resize(kAtOnce / kLine + 1);
    return std::as_writable_bytes(std::span(lines)).subspan(offset % kLine, std::min(bytes, kAtOnce));
}

/// Longer copies at once would be the processor's own string instruction, which is the slow one.
void copy(std::span<const std::byte> from, std::byte* to) {
    constexpr std::size_t step = 2048;
    for (std::size_t at = 0; at < from.size(); at += step)
        std::memcpy(to + at, from.data() + at, std::min(step, from.size() - at));
}

}  // namespace

std::ptrdiff_t read_at(int file, std::uint64_t offset, std::span<std::byte> out) {
    if (side_by_side(out.data(), offset, out.size()))
        return ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
    const auto room = room_for(offset, out.size());
    const auto got = ::pread(file, room.data(), room.size(), static_cast<off_t>(offset));
    if (got > 0) copy(room.first(static_cast<std::size_t>(got)), out.data());
    return got;
}

std::ptrdiff_t write_at(int file, std::uint64_t offset, std::span<const std::byte> bytes) {
    // Either way so many at once: how often a file is written to is no matter of where malloc put the bytes.
    bytes = bytes.first(std::min(bytes.size(), kAtOnce));
    if (side_by_side(bytes.data(), offset, bytes.size()))
        return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    const auto room = room_for(offset, bytes.size());
    copy(bytes.first(room.size()), room.data());
    return ::pwrite(file, room.data(), room.size(), static_cast<off_t>(offset));
}

}  // namespace vtvc
