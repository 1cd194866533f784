#pragma once
// Pictures on their way into a dataset file: they come in the order of the foreign file and leave in another.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace vtvc {

/// A file without a name beside the dataset that is being made; it goes with its owner, killed or not.
class Pictures {
  public:
    /// StorageError: nothing can be written there.
    explicit Pictures(const std::filesystem::path& beside);
    ~Pictures();
    Pictures(const Pictures&) = delete;
    Pictures& operator=(const Pictures&) = delete;
    /// Follows what was given before.
    void append(std::span<const std::byte> bytes);
    std::uint64_t bytes() const { return bytes_; }
    void read(std::uint64_t offset, std::span<std::uint8_t> out) const;

  private:
    std::string beside_;
    int descriptor_ = -1;
    std::uint64_t bytes_ = 0;
};

}  // namespace vtvc
