#pragma once
// How libFuzzer calls the targets whose input is described in pieces (pieces.hpp), and whose seeds the
// project itself writes.
#include "fuzz.hpp"
#include "pieces.hpp"
#include "scratch.hpp"

/// The two functions that libFuzzer looks for: write_seeds() when it starts, request(Pieces, const Scratch&)
/// for each input; both in vtvc::fuzz.
#define VTVC_FUZZ_REQUESTS(request)                                                          \
    extern "C" int LLVMFuzzerInitialize(int*, char***) {                                     \
        vtvc::fuzz::write_seeds();                                                           \
        return 0;                                                                            \
    }                                                                                        \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {      \
        static const vtvc::fuzz::Scratch scratch;                                            \
        return vtvc::fuzz::one_request([&] { vtvc::fuzz::request({data, size}, scratch); }); \
    }                                                                                        \
    static_assert(true)
