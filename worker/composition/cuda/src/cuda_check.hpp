#pragma once
#include <cuda_runtime_api.h>

namespace vtvc {

/// CudaError with the call, CUDA's text and the place, unless code is cudaSuccess. Not inline: nvcc's front
/// end cannot check the format strings of fmt 9.
void check_cuda(cudaError_t code, const char* call, const char* file, int line);
#define VTVC_CUDA_CHECK(call) ::vtvc::check_cuda(call, #call, __FILE__, __LINE__)

}  // namespace vtvc
