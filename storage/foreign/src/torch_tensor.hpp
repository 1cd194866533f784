#pragma once
// What torch.save writes for a tensor: a call of a rebuilding function with a storage, an offset, sizes,
// strides.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pickle.hpp"
#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc::foreign {

struct StorageView {
    std::string key;                    ///< of the storage: its entry in the archive is data/<key>
    std::uint64_t storage_bytes = 0;    ///< as the pickle says; to be compared with the entry
    std::uint64_t offset = 0;           ///< of the first element, in elements
    std::vector<std::int64_t> strides;  ///< in elements, none negative; every element lies inside the storage
};
struct PickledTensor {
    ForeignTensor tensor;
    StorageView view;
};

/// Whether the object is a call of a function that rebuilds a tensor or parameter.
bool is_tensor(const PickleGraph& graph, PickleId id);
/// StorageError for kinds that are not read (quantised, sparse, complex …) and for sizes that lie.
PickledTensor read_tensor(const PickleGraph& graph, PickleId id, std::string name, std::string_view where);

/// True if the elements lie one after another, row-major.
bool is_contiguous(const PickledTensor& tensor);
/// storage: the elements from the view's first to its last. Puts them row-major into out.
void gather(const PickledTensor& tensor, std::span<const std::byte> storage, std::span<std::byte> out);
/// Elements from the first to the last one of the view, both included; 0 for an empty tensor.
std::uint64_t extent(const PickledTensor& tensor);

}  // namespace vtvc::foreign
