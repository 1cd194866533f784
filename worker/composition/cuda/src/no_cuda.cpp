#include "compose_check.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

void compose_on_device(const ComposeArguments& arguments, std::span<const Tile> tiles, void* /*stream*/) {
    check_compose(arguments, tiles);
    fail<CudaError>("this build has no CUDA code; build with the preset 'cuda' (./setup.sh --cuda first)");
}

}  // namespace vtvc
