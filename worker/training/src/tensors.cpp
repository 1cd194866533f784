#include "vtvc/training/tensors.hpp"

#include <torch/torch.h>

#include <cstring>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

at::ScalarType scalar_type(DType type) {
    switch (type) {
        case DType::f32:
            return at::kFloat;
        case DType::f64:
            return at::kDouble;
        case DType::i32:
            return at::kInt;
        case DType::i64:
            return at::kLong;
        case DType::u8:
            return at::kByte;
    }
    fail<StorageError>("unknown tensor type {}", static_cast<int>(type));
}

DType file_type(at::ScalarType type) {
    switch (type) {
        case at::kFloat:
            return DType::f32;
        case at::kDouble:
            return DType::f64;
        case at::kInt:
            return DType::i32;
        case at::kLong:
            return DType::i64;
        case at::kByte:
            return DType::u8;
        default:
            fail<StorageError>("tensors of type {} are not stored (f32, f64, i32, i64, u8 are)",
                               c10::toString(type));
    }
}

}  // namespace

at::Tensor to_tensor(const HostTensor& tensor) {
    at::Tensor result = torch::empty(tensor.shape, scalar_type(tensor.type));
    if (!tensor.bytes.empty()) std::memcpy(result.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    return result;
}

HostTensor to_host(const at::Tensor& tensor) {
    const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
    HostTensor result;
    result.type = file_type(plain.scalar_type());
    result.shape.assign(plain.sizes().begin(), plain.sizes().end());
    result.bytes.resize(plain.nbytes());
    if (plain.nbytes() > 0) std::memcpy(result.bytes.data(), plain.data_ptr(), plain.nbytes());
    return result;
}

}  // namespace vtvc
