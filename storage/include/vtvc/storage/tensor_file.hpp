#pragma once
// The general HDF5 container: named tensors and a JSON document. Models, heads, methods (posteriors,
// baselines) and training checkpoints are kinds of it; docs/formats.md lists their names.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vtvc {

enum class DType { f32, f64, i32, i64, u8 };
std::size_t size_of(DType type);

/// Row-major, little-endian. An owner of its bytes.
struct HostTensor {
    DType type = DType::f32;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;

    std::int64_t elements() const;
    /// T must fit type; StorageError otherwise.
    template <class T>
    std::span<const T> as() const;
    template <class T>
    std::span<T> as();
    template <class T>
    static HostTensor of(std::vector<std::int64_t> shape, std::span<const T> values);
};

struct TensorFile {
    static constexpr int version = 1;
    std::string kind;         ///< "model", "head", "method", "checkpoint"
    std::string meta = "{}";  ///< JSON text: configuration, hashes of what it came from
    std::map<std::string, HostTensor> tensors;

    /// Verifies kind, version and every tensor's checksum; StorageError names the file and the tensor.
    static TensorFile read(const std::filesystem::path& path, const std::string& expected_kind);
    /// Atomic (PendingFile). The content hash covers kind, meta and tensors.
    void write(const std::filesystem::path& path) const;
    std::string content_hash() const;
};

/// The same file opened, its tensors read one by one; many threads may read at once.
class TensorReader {
  public:
    static TensorReader open(const std::filesystem::path& path, const std::string& expected_kind);
    ~TensorReader();
    TensorReader(TensorReader&&) noexcept;
    TensorReader& operator=(TensorReader&&) noexcept;
    const std::string& meta() const;
    const std::string& content_hash() const;
    bool has(const std::string& name) const;
    const std::vector<std::int64_t>& shape(const std::string& name) const;
    /// StorageError where it is damaged, missing, or not f32.
    std::vector<float> floats(const std::string& name) const;

  private:
    struct Impl;
    explicit TensorReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// content_hash attribute of any of our HDF5 files, without reading the data; for other files (text) the hash
/// of the bytes. StorageError when missing.
std::string content_hash_of(const std::string& path);
/// vtvc_kind attribute of any of our files.
std::string kind_of(const std::filesystem::path& path);

}  // namespace vtvc
