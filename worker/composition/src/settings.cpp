#include "vtvc/composition/settings.hpp"

namespace vtvc {

CompositionSettings& composition_settings() {
    static CompositionSettings settings;
    return settings;
}

}  // namespace vtvc
