#include "vtvc/core/thing.hpp"

namespace vtvc {
int thing() {
#ifdef UNUSED_VARIABLE
    int unused = 1;
#endif
    return 0;
}
}  // namespace vtvc
