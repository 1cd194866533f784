#pragma once
// What the imports of models and of banks share.
#include "vtvc/imports/import.hpp"

namespace vtvc {

/// Options first, then the files beside the checkpoint, then the family's values.
ArchitectureHints hints_for(const ForeignNetwork& network, const NetworkOptions& options);

}  // namespace vtvc
