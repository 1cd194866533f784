#include "fuzz.hpp"
#include "shard_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input(
        [&] { (void)vtvc::foreign::parse_shard_index(vtvc::fuzz::as_text(data, size), "input"); });
}
