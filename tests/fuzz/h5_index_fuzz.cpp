// The index of a file of ours, byte for byte, in a user block that says its true place and checksum; and,
// where the input begins with "vtvc ", a user block.
#include <fmt/format.h>

#include "fuzz.hpp"
#include "h5_index.hpp"
#include "own_samples.hpp"

namespace {

using vtvc::h5::kUserBlock;

/// The index of a file that our writers made.
std::string index_of(const std::filesystem::path& path) {
    const auto bytes = vtvc::h5::to_bytes(vtvc::h5::read_index(vtvc::h5::File::open(path)).value());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A sparse file of the size that the index names, with the index at its end.
void put_file(const vtvc::fuzz::Scratch& scratch, std::string_view index) {
    std::uint64_t promised = 0;  // behind the eight letters at the start
    if (index.size() >= 16) std::memcpy(&promised, index.data() + 8, sizeof promised);
    const auto least = kUserBlock + index.size();
    const auto bytes = promised >= least && promised < (1U << 20) ? promised : least;
    auto block = fmt::format("vtvc x 1\nindex {} {} {} {}\n", bytes, bytes - index.size(), index.size(),
                             vtvc::h5::checksum(std::as_bytes(std::span(index))).hex());
    block.resize(kUserBlock, '\0');
    scratch.put("input.h5", block);
    std::filesystem::resize_file(scratch / "input.h5", bytes - index.size());
    std::ofstream out(scratch / "input.h5", std::ios::binary | std::ios::app);
    out.write(index.data(), static_cast<std::streamsize>(index.size()));
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    vtvc::fuzz::write_seeds_if_asked([](auto put) {
        for (const auto& sample : vtvc::fuzz::Samples::only().files()) {
            put(sample.name, index_of(sample.path));
            std::string block(kUserBlock, '\0');
            vtvc::h5::File::open(sample.path).read(0, std::as_writable_bytes(std::span(block)));
            put(sample.name + "_block", block + index_of(sample.path));
        }
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const vtvc::fuzz::Scratch scratch;
    const auto input = vtvc::fuzz::as_text(data, size);
    return vtvc::fuzz::one_input([&] {
        if (input.starts_with("vtvc "))
            scratch.put("input.h5", input);
        else
            put_file(scratch, input);
        const auto file = vtvc::h5::File::open(scratch / "input.h5");
        const auto seen = vtvc::h5::look_at(file);
        if (!seen.index) return;
        // What was understood says the same again.
        const auto again = vtvc::h5::to_bytes(*seen.index);
        if (again != vtvc::h5::to_bytes(vtvc::h5::parse_index(again, "again", file.bytes()))) std::abort();
        (void)seen.index->content_hash();
        vtvc::h5::check_kind(*seen.index, "input", "bank", 2);
    });
}
