#pragma once
// A dataset file written in portions: images go to disk as they come, labels, ids, groups and sub-domains (20
// bytes a row) stay in memory until the end. The file has the same content as write_dataset's.
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

/// What was written, without the rows.
struct DatasetSummary {
    DatasetHead head;
    std::array<std::int64_t, 3> rows{};  ///< in the order of Split
};

class DatasetWriter {
  public:
    /// most_rows: of each split, in the order of Split; the disk must have room for them. Nothing stands
    /// under path before finish().
    DatasetWriter(const std::filesystem::path& path, DatasetHead head, std::array<std::int64_t, 3> most_rows);
    ~DatasetWriter();
    DatasetWriter(DatasetWriter&&) noexcept;
    DatasetWriter& operator=(DatasetWriter&&) noexcept;

    /// Adds rows to a split. StorageError when their parts differ in length or pass most_rows.
    void append(Split split, const SplitData& rows);
    /// Replaces the words about where the data came from.
    void set_origin(std::string origin);
    /// Checks all that write_dataset checks and gives the file its name. Where a split got fewer rows than
    /// its most, the images are copied once more (room for that is asked for then).
    DatasetSummary finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vtvc
