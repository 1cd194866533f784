#pragma once
// One file of a checkpoint: what every format gives to ForeignCheckpoint.
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc::foreign {

struct Contents {
    std::string layout;
    std::vector<ForeignTensor> tensors;
    std::map<std::string, std::string> notes;
};

class Part {
  public:
    explicit Part(Contents contents) : contents_(std::move(contents)) {}
    virtual ~Part() = default;
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    const Contents& contents() const { return contents_; }
    /// out has exactly the tensor's bytes. Safe from several threads at once.
    virtual void read(std::size_t index, std::span<std::byte> out) const = 0;

  private:
    Contents contents_;
};

}  // namespace vtvc::foreign
