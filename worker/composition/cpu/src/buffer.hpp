#pragma once
// Scratch memory that grows to what was ever asked for, so that a steady state allocates nothing.
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace vtvc::cpu {

/// For std::free; begins with a cache line, and much of it with a huge page: without those every panel and
/// every row block costs new entries of the TLB, and pages fall on the second cache's sets by chance.
float* allocate_floats(std::int64_t count);

class Buffer {
  public:
    /// At least so many floats from a cache line's begin on; what it held is lost when it grows.
    float* floats(std::int64_t count) {
        if (count > capacity_) {
            data_.reset();
            capacity_ = 0;
            data_.reset(allocate_floats(count));
            capacity_ = count;
        }
        return data_.get();
    }

    std::int64_t size_bytes() const { return capacity_ * static_cast<std::int64_t>(sizeof(float)); }

  private:
    struct Free {
        void operator()(float* data) const { std::free(data); }
    };
    std::unique_ptr<float[], Free> data_;
    std::int64_t capacity_ = 0;
};

}  // namespace vtvc::cpu
