#include "fuzz.hpp"
#include "read_all.hpp"
#include "torch_archive.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        vtvc::fuzz::read_all(*vtvc::foreign::open_torch_archive(
            vtvc::foreign::memory_bytes("input", vtvc::fuzz::as_bytes(data, size))));
    });
}
