// --map FILE: TOML with regular expressions, then, behind a line of three dashes, names that it is applied
// to.
#include "fuzz.hpp"
#include "scratch.hpp"
#include "vtvc/imports/name_map.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const vtvc::fuzz::Scratch scratch;
    const auto input = vtvc::fuzz::as_text(data, size);
    const auto cut = std::min(input.find("\n---\n"), size);
    return vtvc::fuzz::one_request([&] {
        scratch.put("map.toml", input.substr(0, cut));
        const auto map = vtvc::NameMap::read(scratch / "map.toml");
        if (map.empty()) std::abort();
        auto names = input.substr(std::min(cut + 5, size));
        while (!names.empty()) {
            const auto end = std::min(names.find('\n'), names.size());
            (void)map.apply(std::string(names.substr(0, end)));
            names.remove_prefix(std::min(end + 1, names.size()));
        }
    });
}
