#include "cuda_check.hpp"

#include "vtvc/core/error.hpp"

namespace vtvc {

void check_cuda(cudaError_t code, const char* call, const char* file, int line) {
    if (code != cudaSuccess) {
        fail<CudaError>("{} failed: {} ({}) at {}:{}", call, cudaGetErrorString(code), cudaGetErrorName(code),
                        file, line);
    }
}

}  // namespace vtvc
