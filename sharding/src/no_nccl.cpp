// Stands for nccl.cpp in builds without CUDA.
#include "vtvc/core/error.hpp"
#include "vtvc/sharding/device_communicator.hpp"

namespace vtvc {

bool has_nccl() { return false; }

std::unique_ptr<DeviceCommunicator> make_nccl(Communicator&, int, double) {
    fail<NcclError>(
        "this build has no NCCL (VTVC_CUDA was off); configure with the cuda preset, or run on the CPU");
}

}  // namespace vtvc
