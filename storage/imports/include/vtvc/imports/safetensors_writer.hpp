#pragma once
// Writes safetensors files: an 8-byte length, a JSON header, then the tensors one after another. Whole or not
// at all, one tensor in memory at a time.
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "vtvc/core/files.hpp"
#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc {

class SafetensorsWriter {
  public:
    /// tensors: what will be written, in this order. metadata: texts that readers show as __metadata__.
    SafetensorsWriter(const std::filesystem::path& path, const std::vector<ForeignTensor>& tensors,
                      const std::map<std::string, std::string>& metadata);

    /// The next tensor's bytes, row-major, little-endian; exactly as many as its type and shape say.
    void write(std::span<const std::byte> bytes);
    /// All tensors must have been written.
    void finish();

  private:
    void put(std::span<const std::byte> bytes);

    std::string path_;
    std::vector<ForeignTensor> tensors_;
    std::size_t next_ = 0;
    PendingFile pending_;
    /// Closes what was left open, so that the temporary can go with pending_.
    struct Descriptor {
        int value = -1;
        Descriptor() = default;
        ~Descriptor();
        Descriptor(const Descriptor&) = delete;
        Descriptor& operator=(const Descriptor&) = delete;
    } file_;
};

/// f32 values as the bytes of a floating type, rounded to nearest, ties to even. StorageError names the
/// tensor whose value is too large for the type.
std::vector<std::byte> to_bytes(std::span<const float> values, ForeignType type, const std::string& name);

}  // namespace vtvc
