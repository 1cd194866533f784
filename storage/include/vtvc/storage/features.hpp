#pragma once
// Features files: the base encoder's output for every row of every split of one dataset, in the dataset's
// order.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

struct FeatureRows {
    std::int64_t rows = 0, width = 0;
    std::vector<float> values;      ///< rows × width
    std::vector<std::int64_t> ids;  ///< the dataset's ids, row by row
};

struct FeaturesContents {
    std::string dataset_hash, model_hash;
    FeatureRows train, validation, test;
};

void write_features(const std::filesystem::path& path, const FeaturesContents& contents);

class Features {
  public:
    /// Refuses a file whose hashes differ from the given ones (empty: not checked), naming both.
    static Features open(const std::filesystem::path& path, const std::string& dataset_hash,
                         const std::string& model_hash);
    std::int64_t width() const { return width_; }
    const std::string& hash() const { return hash_; }
    const std::string& dataset_hash() const { return dataset_hash_; }
    const std::string& model_hash() const { return model_hash_; }
    FeatureRows read(Split split, std::int64_t first = 0, std::int64_t count = 0) const;

  private:
    std::string path_, hash_, dataset_hash_, model_hash_;
    std::int64_t width_ = 0;
};

}  // namespace vtvc
