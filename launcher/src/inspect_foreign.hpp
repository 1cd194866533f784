#pragma once
#include <string>

#include "output.hpp"

namespace vtvc {

/// What a checkpoint of another project holds: format, layout, architecture, tensors, what an import would
/// leave out; of an adapter its settings. Files without a known network say so and list their tensors.
Json describe_foreign(const std::string& path);

}  // namespace vtvc
