// An .npy or .npz, every array read; now and then from a file, as its users open it.
#include <vector>

#include "fuzz.hpp"
#include "npy_file.hpp"
#include "scratch.hpp"
#include "vtvc/foreign/npy.hpp"

namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;

std::size_t bytes_of(const vtvc::ForeignTensor& array) {
    return static_cast<std::size_t>(array.elements()) * size_of(array.type);
}

void read_file(std::string_view bytes) {
    static const vtvc::fuzz::Scratch scratch;
    scratch.put("input", bytes);
    const auto file = vtvc::NumpyFile::open(scratch / "input");
    for (const auto& array : file.arrays()) {
        if (bytes_of(array) > kLargest) continue;
        std::vector<std::byte> out(bytes_of(array));
        file.read(file.find(array.name), out);
    }
    if (!file.arrays().empty()) {
        std::vector<std::byte> more(bytes_of(file.arrays()[0]) % kLargest + 1);
        file.read(0, more);
    }
    (void)file.find("\n");  // a name that no array may have
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        if (size % 16 == 8) return read_file(vtvc::fuzz::as_text(data, size));
        const auto arrays = vtvc::foreign::open_arrays(
            vtvc::foreign::memory_bytes("input", vtvc::fuzz::as_bytes(data, size)));
        for (std::size_t i = 0; i < arrays->listed.size(); ++i) {
            if (bytes_of(arrays->listed[i]) > kLargest) continue;
            std::vector<std::byte> out(bytes_of(arrays->listed[i]));
            arrays->read(i, out);
        }
    });
}
