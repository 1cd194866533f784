#pragma once
// Files of torch.save since PyTorch 1.6: a zip archive with <top>/data.pkl and one entry <top>/data/<key> a
// storage.
#include <memory>

#include "byte_source.hpp"
#include "part.hpp"

namespace vtvc::foreign {

std::unique_ptr<Part> open_torch_archive(std::unique_ptr<ByteSource> source);

}  // namespace vtvc::foreign
