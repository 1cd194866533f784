#pragma once
// A foreign checkpoint seen as the blocks of a network, read one by one.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vtvc/core/hash.hpp"
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
    struct Contents {
        std::vector<float> values;
        std::string hash;  ///< of its tensors' names for us, types, shapes and numbers
    };
    /// room: numbers that nobody needs any more; their memory is used again.
    Contents read_hashed(const std::string& block, const std::vector<std::int64_t>& shape,
                         std::vector<float> room = {}) const;
    /// Of all blocks, given the hash of each: the same for two files that hold the same weights.
    static std::string content_hash(const std::map<std::string, std::string>& hash_of_block);

  private:
    ForeignNetwork(ForeignCheckpoint checkpoint, Mapping mapping)
        : checkpoint_(std::move(checkpoint)), mapping_(std::move(mapping)) {}
    std::vector<Piece> pieces_of(const std::string& block) const;
    /// After checking that it can lie in the block as the piece says.
    const ForeignTensor& tensor_of(const Piece& piece) const;
    std::vector<float> read(const std::string& block, const std::vector<std::int64_t>& shape,
                            std::vector<float> room, Hasher* hasher) const;

    ForeignCheckpoint checkpoint_;
    Mapping mapping_;
};

}  // namespace vtvc
