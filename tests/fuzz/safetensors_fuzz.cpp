#include "fuzz.hpp"
#include "read_all.hpp"
#include "safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        const auto bytes = vtvc::fuzz::as_bytes(data, size);
        (void)vtvc::foreign::looks_like_safetensors(*vtvc::foreign::memory_bytes("input", bytes));
        vtvc::fuzz::read_all(*vtvc::foreign::open_safetensors(vtvc::foreign::memory_bytes("input", bytes)));
    });
}
