#pragma once
// A foreign checkpoint seen as the blocks of a network, read one by one.
#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/imports/mapping.hpp"

namespace vtvc {

class ForeignNetwork {
  public:
    /// StorageError for files that cannot be read and for what map_names refuses.
    static ForeignNetwork open(const std::filesystem::path& path, const MappingOptions& options);

    std::string path() const { return checkpoint_.path().string(); }
    const ForeignCheckpoint& checkpoint() const { return checkpoint_; }
    const Mapping& mapping() const { return mapping_; }
    /// Canonical names, sorted.
    std::vector<std::string> blocks() const;
    bool has(const std::string& block) const { return !pieces_of(block).empty(); }
    /// In canonical order of dimensions; q, k and v together. StorageError names the tensors that do not fit
    /// together.
    std::vector<std::int64_t> shape(const std::string& block) const;
    /// Its tensors and their shapes and types as the file has them, for messages: "'a' f16 [8, 3], 'b' …".
    std::string describe(const std::string& block) const;
    /// All of a block. shape: what it should be; it may only differ from shape() by dimensions of size 1 and
    /// by the flattening of a patch convolution. StorageError names the first value that is NaN or infinite.
    std::vector<float> read(const std::string& block, const std::vector<std::int64_t>& shape) const;
    /// Of the blocks' names, types, shapes and bytes: the same for two files that hold the same weights.
    std::string content_hash() const;

  private:
    ForeignNetwork(ForeignCheckpoint checkpoint, Mapping mapping)
        : checkpoint_(std::move(checkpoint)), mapping_(std::move(mapping)) {}
    std::vector<Piece> pieces_of(const std::string& block) const;
    /// After checking that it can lie in the block as the piece says.
    const ForeignTensor& tensor_of(const Piece& piece) const;

    ForeignCheckpoint checkpoint_;
    Mapping mapping_;
};

}  // namespace vtvc
