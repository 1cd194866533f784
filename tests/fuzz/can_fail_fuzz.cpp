// Shows that a fault is found and makes the test red: it reads past the end of an input that begins with
// "bad".
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    volatile std::uint8_t beyond = 0;
    if (vtvc::fuzz::as_text(data, size).starts_with("bad")) beyond = data[size];
    (void)beyond;
    return 0;
}
