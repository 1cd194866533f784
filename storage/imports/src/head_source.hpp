#pragma once
// The arrays of a file that may hold a head: a checkpoint, or NumPy's .npz.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/foreign/npy.hpp"

namespace vtvc {

class HeadSource {
  public:
    static HeadSource open(const std::filesystem::path& path);
    const std::string& path() const { return path_; }
    std::string format() const { return arrays_ ? "NumPy archive" : checkpoint_->layout(); }
    const std::vector<ForeignTensor>& tensors() const {
        return arrays_ ? arrays_->arrays() : checkpoint_->tensors();
    }
    const std::map<std::string, std::string>& notes() const;
    /// nullptr: none of that name.
    const ForeignTensor* find(const std::string& name) const;
    std::vector<float> read(const std::string& name) const;
    /// The tensors of two dimensions, for messages.
    std::string matrices() const;

  private:
    explicit HeadSource(std::string path) : path_(std::move(path)) {}
    std::string path_;
    std::optional<ForeignCheckpoint> checkpoint_;  // one of the two
    std::optional<NumpyFile> arrays_;
};

}  // namespace vtvc
