#include "fuzz.hpp"
#include "vtvc/storage/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input(
        [&] { (void)vtvc::parse_idx(std::string(vtvc::fuzz::as_text(data, size)), "input"); });
}
