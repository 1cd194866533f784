#pragma once
// The sweep with paths that do not depend on where its file lies.
#include <memory>

#include "grid.hpp"

namespace vtvc::sweep {

/// Inputs written relative to a file become absolute; references stay.
SweepFile absolute_paths(SweepFile file, const std::vector<std::unique_ptr<Grid>>& grids);

}  // namespace vtvc::sweep
