#include "buffer.hpp"

#include <sys/mman.h>

#include <new>

namespace vtvc::cpu {

float* allocate_floats(std::int64_t count) {
    constexpr std::size_t huge_page = 2 << 20, cache_line = 64;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
    const bool huge = bytes >= 2 * huge_page;
    const std::size_t unit = huge ? huge_page : cache_line;
    const std::size_t rounded = (bytes + unit - 1) / unit * unit;
    void* memory = std::aligned_alloc(unit, rounded);
    if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    // A wish: the kernel may have none to give.
    if (huge) static_cast<void>(madvise(memory, rounded, MADV_HUGEPAGE));
#endif
    return static_cast<float*>(memory);
}

}  // namespace vtvc::cpu
