// The configurations that lie beside a checkpoint. The first byte says which file the rest is.
#include <array>

#include "fuzz.hpp"
#include "scratch.hpp"
#include "vtvc/imports/architecture.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const vtvc::fuzz::Scratch scratch;
    static constexpr std::array names{"config.json", "open_clip_config.json", "preprocessor_config.json"};
    if (size == 0) return 0;
    return vtvc::fuzz::one_input([&] {
        for (const auto* name : names) scratch.remove(name);
        scratch.put(names.at(data[0] % names.size()), vtvc::fuzz::as_text(data + 1, size - 1));
        const auto hints = vtvc::read_hints(scratch.path());
        (void)vtvc::merged(hints, vtvc::openai_clip_hints(hints.heads.value_or(1)));
    });
}
