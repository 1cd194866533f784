#pragma once
#include <span>

#include "vtvc/composition/compose.hpp"

namespace vtvc {

/// NumericError: a tile outside the block, or more tasks than fit.
void check_compose(const ComposeArguments& arguments, std::span<const Tile> tiles);

}  // namespace vtvc
