// Alone in its file: the only one that is compiled again when the commit changes.
#include "code_version.hpp"

#include "vtvc/core/run_folder.hpp"

namespace vtvc {

std::string code_version() { return VTVC_CODE_VERSION; }

}  // namespace vtvc
