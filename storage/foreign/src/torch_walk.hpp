#pragma once
// A pickle's graph read as a checkpoint: tensors under dotted names, and what stands beside them as notes.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pickle.hpp"
#include "torch_tensor.hpp"

namespace vtvc::foreign {

struct TorchContents {
    std::string layout;
    std::vector<PickledTensor> tensors;
    std::map<std::string, std::string> notes;
};

/// Dicts, lists and objects are walked; a key or place joins the name with a dot. Of a module (an object with
/// _parameters, _buffers and _modules) the tensors are those that its state_dict() would hold. Names are the
/// file's own: wrappers stay in them.
TorchContents walk_torch(const PickleGraph& graph, std::string_view where);

}  // namespace vtvc::foreign
