// A pickle, and the walk over what it made: the tensors' views are gathered from a storage as large as they
// ask for.
#include "fuzz.hpp"
#include "torch_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return vtvc::fuzz::one_input([&] {
        const auto graph = vtvc::foreign::parse_pickle(vtvc::fuzz::as_text(data, size), "input");
        for (const auto& tensor : vtvc::foreign::walk_torch(graph, "input").tensors) {
            constexpr std::uint64_t kLargest = std::uint64_t{1} << 18;
            const auto item = size_of(tensor.tensor.type);
            const auto elements = static_cast<std::uint64_t>(tensor.tensor.elements());
            if (elements > kLargest || tensor.view.storage_bytes > kLargest) continue;
            const std::vector<std::byte> storage(vtvc::foreign::extent(tensor) * item);
            std::vector<std::byte> out(elements * item);
            if (!vtvc::foreign::is_contiguous(tensor)) vtvc::foreign::gather(tensor, storage, out);
        }
    });
}
