#pragma once
// Ranks in device memory, over NCCL where it is built in (CMake option VTVC_CUDA). One device a rank.
#include <cstddef>
#include <memory>

#include "vtvc/sharding/communicator.hpp"

struct CUstream_st;  // what a cudaStream_t points to

namespace vtvc {

enum class DeviceNumber { f32, f64, i64 };

class DeviceCommunicator {
  public:
    virtual ~DeviceCommunicator() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    /// In place on count numbers in memory of this rank's device; the same values on every rank afterwards.
    /// Enqueued: returns before it is done. NcclError when the communicator has failed.
    virtual void all_reduce(void* values, std::size_t count, DeviceNumber type, Reduce how,
                            CUstream_st* stream) = 0;
    /// Returns when all work of the stream is done. NcclError, CudaError; TimeoutError when it takes longer
    /// than the time limit. After an error the communicator is unusable and its destructor aborts it.
    virtual void wait(CUstream_st* stream) = 0;
};

/// Collective over host, which carries NCCL's unique id. device: index among the visible ones. timeout_s
/// limits the set-up and each wait. NcclError, CudaError, TimeoutError; without NCCL built in always
/// NcclError.
std::unique_ptr<DeviceCommunicator> make_nccl(Communicator& host, int device, double timeout_s = 120);

/// Whether make_nccl can succeed in this build.
bool has_nccl();

}  // namespace vtvc
