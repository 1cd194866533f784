#pragma once
// The arrays of an .npy or .npz over any ByteSource.
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "byte_source.hpp"
#include "npy_header.hpp"

namespace vtvc::foreign {

class Arrays {
  public:
    Arrays() = default;
    virtual ~Arrays() = default;
    Arrays(const Arrays&) = delete;
    Arrays& operator=(const Arrays&) = delete;
    /// Row-major, little-endian.
    void read(std::size_t index, std::span<std::byte> out) const;

    /// The same, a piece at a time where the file has the numbers in this order.
    void read_on(std::size_t index, const std::function<void(std::span<const std::byte>)>& take) const;

    std::vector<ForeignTensor> listed;
    std::vector<NpyHeader> headers;

  protected:
    virtual void read_raw(std::size_t index, std::span<std::byte> out) const = 0;
    virtual void read_raw_on(std::size_t index,
                             const std::function<void(std::span<const std::byte>)>& take) const = 0;
};

std::unique_ptr<Arrays> open_arrays(std::unique_ptr<ByteSource> source);

}  // namespace vtvc::foreign
