// An .npy or .npz, every array read.
#include <vector>

#include "fuzz.hpp"
#include "npy_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        const auto arrays = vtvc::foreign::open_arrays(
            vtvc::foreign::memory_bytes("input", vtvc::fuzz::as_bytes(data, size)));
        for (std::size_t i = 0; i < arrays->listed.size(); ++i) {
            constexpr std::size_t kLargest = std::size_t{1} << 20;
            const auto& array = arrays->listed[i];
            const auto bytes = static_cast<std::size_t>(array.elements()) * size_of(array.type);
            if (bytes > kLargest) continue;
            std::vector<std::byte> out(bytes);
            arrays->read(i, out);
        }
    });
}
