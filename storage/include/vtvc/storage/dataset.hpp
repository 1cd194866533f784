#pragma once
// Dataset files: images and labels in three splits, class names, provenance. The labels of the test split lie
// in a group of their own (/sealed/test_labels) that this header cannot open: see sealed/test_labels.hpp.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vtvc {

enum class Split { train, validation, test };
std::string split_name(Split split);

/// Rows of one split. ids are unique in the whole file and never change with a subset: random numbers are
/// drawn by them.
struct SplitData {
    std::vector<std::uint8_t> images;      ///< rows × height × width × channels
    std::vector<std::int32_t> labels;      ///< rows, 0-based
    std::vector<std::int64_t> ids;         ///< rows
    std::vector<std::int32_t> groups;      ///< rows: font family, writer, photo; −1 unknown
    std::vector<std::int32_t> subdomains;  ///< rows; −1 none
    std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
};

struct DatasetHead {
    std::string name;
    std::int64_t height = 0, width = 0, channels = 1;
    std::vector<std::string> class_names, group_names, subdomain_names;
    std::string origin;  ///< where it came from, in words: packages, files, command
    std::int64_t image_bytes() const { return height * width * channels; }
};

struct DatasetContents : DatasetHead {
    SplitData train, validation, test;
};

/// Checks shapes, labels in range, at least two classes (named, and present in train), no empty train or test
/// split, no group in two of the splits (groups ≥ 0), ids unique; StorageError says which row. Then writes
/// atomically. For what does not fit into memory: dataset_writer.hpp.
void write_dataset(const std::filesystem::path& path, const DatasetContents& contents);

/// An opened dataset file, verified. Reading is by rows.
class Dataset {
  public:
    static Dataset open(const std::filesystem::path& path);
    const std::string& path() const { return path_; }
    const std::string& hash() const { return hash_; }
    const std::string& name() const { return head_.name; }
    std::int64_t height() const { return head_.height; }
    std::int64_t width() const { return head_.width; }
    std::int64_t channels() const { return head_.channels; }
    const std::vector<std::string>& class_names() const { return head_.class_names; }
    const std::vector<std::string>& group_names() const { return head_.group_names; }
    const std::vector<std::string>& subdomain_names() const { return head_.subdomain_names; }
    std::int64_t classes() const { return static_cast<std::int64_t>(head_.class_names.size()); }
    std::int64_t rows(Split split) const;
    /// Rows [first, first + count), clipped to the split; count 0: to its end. The labels of the test split
    /// come back empty: jobs that train or select cannot reach them. Checked against the checksums;
    /// StorageError also when the file was replaced by other content since open().
    SplitData read(Split split, std::int64_t first = 0, std::int64_t count = 0) const;

  private:
    std::string path_, hash_;
    DatasetHead head_;
    std::int64_t rows_[3] = {0, 0, 0};
};

}  // namespace vtvc
