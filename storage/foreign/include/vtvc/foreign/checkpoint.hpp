#pragma once
// Checkpoints of other projects, as they lie on disk: safetensors (one file, or shards with an index),
// PyTorch zip archives (state dicts and whole pickled modules, sharded too). Names, types and shapes are the
// file's own; what they mean for a network is another file's business. Nothing of a file is ever executed,
// and no size is believed before it has been compared with what the file holds.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc {

enum class ForeignType { f16, bf16, f32, f64, u8, i8, i16, i32, i64, boolean };
std::size_t size_of(ForeignType type);
std::string_view name_of(ForeignType type);
bool is_floating(ForeignType type);

struct ForeignTensor {
    std::string name;  ///< as the file says, "model.visual.conv1.weight"
    ForeignType type = ForeignType::f32;
    std::vector<std::int64_t> shape;
    std::int64_t elements() const;
};

/// An opened checkpoint. Tensors are read one by one; the whole is never in memory.
class ForeignCheckpoint {
  public:
    /// A file, or a folder that holds one checkpoint (with its index, if sharded). The layout is found from
    /// the content, not from the name's ending. StorageError says what is wrong with the file, where, and
    /// what to try.
    static ForeignCheckpoint open(const std::filesystem::path& path);
    ~ForeignCheckpoint();
    ForeignCheckpoint(ForeignCheckpoint&&) noexcept;
    ForeignCheckpoint& operator=(ForeignCheckpoint&&) noexcept;

    const std::filesystem::path& path() const;
    /// "safetensors", "safetensors in 3 shards", "PyTorch state dict", "pickled module
    /// src.modeling.ImageEncoder".
    const std::string& layout() const;
    /// In the order of their names; names are unique.
    const std::vector<ForeignTensor>& tensors() const;
    /// What else the file says, as texts: safetensors' __metadata__, numbers and strings beside the tensors
    /// of a pickle (keys joined with dots, numbers in JSON spelling).
    const std::map<std::string, std::string>& notes() const;

    /// Row-major, little-endian, exactly the tensor's bytes.
    void read(std::size_t index, std::span<std::byte> out) const;
    /// Converted to f32 (exact from f16 and bf16, rounded to nearest from f64). StorageError for types that
    /// are not floating.
    void read_f32(std::size_t index, std::span<float> out) const;

  private:
    struct Impl;
    explicit ForeignCheckpoint(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
