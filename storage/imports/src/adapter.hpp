#pragma once
// PEFT's LoRA folders: adapter_config.json and pairs of factors, Δ = B·A·α/r (rsLoRA: α/√r). Kept as factors;
// a LoRA on q or v alone is a range of rows of the fused block.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vtvc/imports/mapping.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc {

class Adapter {
  public:
    /// Whether a path is an adapter: a folder with adapter_config.json, or adapter weights beside one.
    static bool is_one(const std::filesystem::path& path);
    /// StorageError names what is not plain LoRA (DoRA, embeddings, other methods) and factors whose shapes
    /// do not fit together or the block. blocks: the base's.
    static Adapter open(const std::filesystem::path& path, const MappingOptions& options,
                        const std::vector<Block>& blocks);

    std::string path() const { return path_; }
    std::string description() const { return description_; }
    /// Of one block: its factors, α and all included; none where the adapter leaves the block alone. Finite.
    std::vector<Factors> factors(const Block& block) const;
    /// Blocks of which the adapter gives some values in full (biases, modules_to_save), and the blocks then:
    /// values holds the base's, takes these, and the factors of the block are added.
    bool replaces(const std::string& block) const { return dense_.contains(block); }
    void replace(const Block& block, std::span<float> values) const;
    const std::vector<Skipped>& skipped() const { return skipped_; }
    std::string content_hash() const;
    std::size_t pairs() const { return pairs_.size(); }

  private:
    struct Pair {
        std::size_t a = 0, b = 0;  ///< tensors
        std::string module;
        double scale = 1;
        Target target;
    };
    struct Dense {
        std::size_t tensor = 0;
        Target target;
    };
    explicit Adapter(ForeignCheckpoint checkpoint) : checkpoint_(std::move(checkpoint)) {}
    std::vector<float> read(std::size_t tensor) const;
    void check(const Pair& pair, const std::vector<Block>& blocks) const;

    std::string path_, description_;
    ForeignCheckpoint checkpoint_;
    std::vector<Pair> pairs_;
    std::map<std::string, std::vector<Dense>> dense_;
    std::vector<Skipped> skipped_;
};

}  // namespace vtvc
