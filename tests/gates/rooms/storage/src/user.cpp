#include "vtvc/core/thing.hpp"

namespace vtvc {
int user() { return thing(); }
}  // namespace vtvc
