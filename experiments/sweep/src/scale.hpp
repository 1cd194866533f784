#pragma once
// [scale.NAME]: named changes to a sweep file, such as a small one for two cores.
#include <string>
#include <vector>

#include "vtvc/core/config_tree.hpp"

namespace vtvc::sweep {

/// Lays [scale.NAME] over the file: tables are merged; a row of its axis or zip replaces the one of the same
/// name (or key); [scale.NAME.stage.STAGE] changes that stage. An empty name: nothing. The table "scale" is
/// taken out of the tree.
void apply_scale(Node& root, const std::string& name, std::vector<Mistake>& problems);

}  // namespace vtvc::sweep
