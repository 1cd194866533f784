#pragma once
// Linearised models (tangent task arithmetic): a list of parameters without names, twice: θ0 as
// "params0.{i}" and θ as "params.{i}", in the order of ImageEncoder.named_parameters().
#include <string>
#include <vector>

#include "vtvc/imports/mapping.hpp"

namespace vtvc {

/// Replaces the numbered names of a tangent checkpoint by open_clip's and gives the other half a reason to be
/// skipped; leaves everything as it is where there are none. The order is told by the shapes: the patch
/// convolution is the only tensor of four dimensions, and each layer is 12 tensors.
void name_tangent_tensors(const std::vector<ForeignTensor>& tensors, const MappingOptions& options,
                          const std::string& where, std::vector<std::string>& names,
                          std::vector<std::string>& reasons, std::vector<std::string>& notes);

}  // namespace vtvc
