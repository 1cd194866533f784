// NCCL, never blocking without a deadline: a non-blocking communicator is polled until it settles, and
// aborted when it does not. ncclCommDestroy waits for all ranks, so after an error the destructor aborts
// instead.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "vtvc/core/error.hpp"
#include "vtvc/sharding/device_communicator.hpp"

namespace vtvc {
namespace {

constexpr std::chrono::seconds finalize_limit{10}, abort_limit{5};

std::string place_of(const char* file, int line) {
    return fmt::format("{}:{}", std::filesystem::path(file).filename().string(), line);
}

void check_cuda(cudaError_t code, const char* call, const char* file, int line) {
    if (code != cudaSuccess)
        fail<CudaError>("{}: {} ({}), at {}", call, cudaGetErrorString(code), cudaGetErrorName(code),
                        place_of(file, line));
}

void check_nccl(ncclResult_t code, ncclComm_t comm, const char* call, const char* file, int line) {
    if (code == ncclSuccess) return;
    const char* last = ncclGetLastError(comm);
    fail<NcclError>("{}: {} ({}), at {}", call, ncclGetErrorString(code), last && *last ? last : "no details",
                    place_of(file, line));
}

#define VTVC_CUDA_CHECK(call) check_cuda((call), #call, __FILE__, __LINE__)
/// comm: whose last error explains a failure; nullptr where there is none yet.
#define VTVC_NCCL(comm, call) check_nccl((call), (comm), #call, __FILE__, __LINE__)

ncclDataType_t type_of(DeviceNumber type) {
    switch (type) {
        case DeviceNumber::f64:
            return ncclFloat64;
        case DeviceNumber::i64:
            return ncclInt64;
        case DeviceNumber::f32:
            break;
    }
    return ncclFloat32;
}

ncclRedOp_t op_of(Reduce how) {
    switch (how) {
        case Reduce::max:
            return ncclMax;
        case Reduce::min:
            return ncclMin;
        case Reduce::sum:
            break;
    }
    return ncclSum;
}

/// Makes a device the current one of this thread for a while.
class OnDevice {
  public:
    explicit OnDevice(int device) {
        VTVC_CUDA_CHECK(cudaGetDevice(&before_));
        VTVC_CUDA_CHECK(cudaSetDevice(device));
    }
    ~OnDevice() {
        if (const auto code = cudaSetDevice(before_); code != cudaSuccess)
            fmt::print(stderr, "warning: cudaSetDevice({}): {}\n", before_, cudaGetErrorString(code));
    }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

  private:
    int before_ = 0;
};

ncclUniqueId shared_id(Communicator& host) {
    ncclUniqueId id{};
    if (host.rank() == 0) VTVC_NCCL(nullptr, ncclGetUniqueId(&id));
    host.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0);
    return id;
}

class Nccl final : public DeviceCommunicator {
  public:
    Nccl(Communicator& host, int device, double timeout_s)
        : rank_(host.rank()), size_(host.size()), device_(device), timeout_s_(timeout_s) {
        auto id = shared_id(host);
        const OnDevice here(device_);
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0;
        try {
            settle(ncclCommInitRankConfig(&comm_, size_, id, rank_, &config), "ncclCommInitRankConfig");
        } catch (...) {
            close();
            throw;
        }
    }
    ~Nccl() override { close(); }

    int rank() const override { return rank_; }
    int size() const override { return size_; }

    void all_reduce(void* values, std::size_t count, DeviceNumber type, Reduce how,
                    CUstream_st* stream) override {
        const OnDevice here(device_);
        settle(ncclAllReduce(values, values, count, type_of(type), op_of(how), comm_, stream),
               "ncclAllReduce");
    }

    void wait(CUstream_st* stream) override {
        const OnDevice here(device_);
        until("a stream with collectives", [&] {
            const auto code = cudaStreamQuery(stream);
            if (code == cudaErrorNotReady) return false;
            usable_ = code == cudaSuccess;
            VTVC_CUDA_CHECK(code);
            return true;
        });
    }

  private:
    /// Waits until a call on the non-blocking communicator has taken effect.
    void settle(ncclResult_t code, const char* call) {
        if (code != ncclInProgress && code != ncclSuccess) usable_ = false;
        if (code == ncclInProgress) return until(call, [] { return true; });
        VTVC_NCCL(comm_, code);
    }

    /// Polls until nothing is in progress and done() holds; each look also asks NCCL for errors of other
    /// ranks.
    template <class Done>
    void until(const char* what, Done&& done) {
        const auto begin = std::chrono::steady_clock::now();
        for (;;) {
            ncclResult_t state = ncclSuccess;
            VTVC_NCCL(comm_, ncclCommGetAsyncError(comm_, &state));
            if (state == ncclSuccess && done()) return;
            if (state != ncclSuccess && state != ncclInProgress) {
                usable_ = false;
                VTVC_NCCL(comm_, state);
            }
            const std::chrono::duration<double> lasted = std::chrono::steady_clock::now() - begin;
            if (lasted.count() > timeout_s_) {
                usable_ = false;
                fail<TimeoutError>(
                    "{} did not end in {:g} s on rank {} of {} (another rank may be gone or stuck)", what,
                    timeout_s_, rank_, size_);
            }
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }

    void close() noexcept {
        if (!comm_) return;
        auto code = usable_ ? ncclCommFinalize(comm_) : ncclInternalError;
        const auto begin = std::chrono::steady_clock::now();
        while (code == ncclInProgress && std::chrono::steady_clock::now() - begin < finalize_limit) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (ncclCommGetAsyncError(comm_, &code) != ncclSuccess) code = ncclInternalError;
        }
        if (code == ncclSuccess)
            warn_unless(ncclCommDestroy(comm_), "ncclCommDestroy");
        else
            abort();
        comm_ = nullptr;
    }

    /// ncclCommAbort can block where a device hangs: it gets a thread of its own, and a deadline.
    void abort() const {
        const auto result = std::make_shared<std::promise<ncclResult_t>>();
        auto ended = result->get_future();
        std::thread([result, comm = comm_] { result->set_value(ncclCommAbort(comm)); }).detach();
        if (ended.wait_for(abort_limit) == std::future_status::ready)
            warn_unless(ended.get(), "ncclCommAbort");
        else
            fmt::print(stderr, "warning: ncclCommAbort has not returned; going on without it\n");
    }

    static void warn_unless(ncclResult_t code, const char* call) {
        if (code != ncclSuccess) fmt::print(stderr, "warning: {}: {}\n", call, ncclGetErrorString(code));
    }

    int rank_, size_, device_;
    double timeout_s_;
    ncclComm_t comm_ = nullptr;
    bool usable_ = true;
};

}  // namespace

bool has_nccl() { return true; }

std::unique_ptr<DeviceCommunicator> make_nccl(Communicator& host, int device, double timeout_s) {
    return std::make_unique<Nccl>(host, device, timeout_s);
}

}  // namespace vtvc
