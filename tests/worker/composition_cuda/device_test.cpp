// compose_on_device on a CUDA device, and what it says where there is none.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>

#include "compose_problem.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

bool has_device() {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

/// A copy of host values on the device.
class OnDevice {
  public:
    explicit OnDevice(const std::vector<float>& values) : bytes_(values.size() * sizeof(float)) {
        check(cudaMalloc(&data_, bytes_));
        check(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyHostToDevice));
    }
    ~OnDevice() { EXPECT_EQ(cudaFree(data_), cudaSuccess); }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;
    float* data() const { return static_cast<float*>(data_); }
    std::vector<float> read() const {
        std::vector<float> values(bytes_ / sizeof(float));
        check(cudaMemcpy(values.data(), data_, bytes_, cudaMemcpyDeviceToHost));
        return values;
    }

  private:
    static void check(cudaError_t code) {
        if (code != cudaSuccess) fail<CudaError>("test set-up: {}", cudaGetErrorString(code));
    }
    void* data_ = nullptr;
    std::size_t bytes_;
};

void compose_from_host(const ComposeArguments& host, std::span<const Tile> tiles) {
    const auto copy = [](const float* from, std::int64_t count) {
        return OnDevice(std::vector<float>(from, from + count));
    };
    const std::int64_t size = composed_size(host.samples, tiles);
    const OnDevice base = copy(host.base, host.elements), tau = copy(host.tau, host.tasks * host.elements),
                   z = copy(host.z, host.samples * host.tasks), out = copy(host.out, size);
    compose_on_device(
        {base.data(), tau.data(), z.data(), out.data(), host.samples, host.tasks, host.elements}, tiles,
        nullptr);
    const std::vector<float> values = out.read();
    std::copy(values.begin(), values.end(), host.out);
}

TEST(ComposeOnDevice, AgreesWithTheReferenceBitForBit) {
    if (!has_device()) GTEST_SKIP() << "no CUDA device on this machine";
    for (const std::int64_t tasks : {1, 8, 50}) {
        const Problem problem(33, tasks, 1500);
        const std::vector<Tile> tiles = {{0, 1500}, {7, 1}, {100, 0}, {100, 513}};
        EXPECT_EQ(problem.run(compose_from_host, tiles), problem.run(compose_reference, tiles))
            << tasks << " tasks";
    }
}

TEST(ComposeOnDevice, ALaunchThatFailsIsAnErrorWithItsPlace) {
    if (has_device()) GTEST_SKIP() << "this machine has a CUDA device: the launch would not fail";
    const Problem problem(1, 1, 10);
    std::vector<float> out(10);
    const std::vector<Tile> tiles = {{0, 10}};
    try {
        compose_on_device(problem.into(out), tiles, nullptr);
        FAIL() << "expected CudaError";
    } catch (const CudaError& error) {
        EXPECT_NE(std::string(error.what()).find("cudaGetLastError() failed"), std::string::npos)
            << error.what();
        EXPECT_NE(std::string(error.what()).find("compose.cu:"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace vtvc
