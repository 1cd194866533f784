#pragma once
// One array of a file written in portions, so that it need not fit into memory. The room for all of it is
// taken at once, in the order in which the arrays are begun; several may be open at a time.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "h5.hpp"

namespace vtvc::h5 {

class Writer;

class RowWriter {
  public:
    /// shape[0] rows at most. rows_per_checksum ≥ 1; so many rows are held back until they are complete.
    RowWriter(Writer& writer, const std::string& name, Type type, const Shape& shape,
              std::int64_t rows_per_checksum);
    /// Whole rows. StorageError beyond shape[0].
    void append(std::span<const std::byte> bytes);
    std::int64_t rows() const { return rows_; }
    std::int64_t most_rows() const { return about_.rows(); }
    /// What append() was given, before finish().
    void read(std::int64_t first, std::int64_t count, std::span<std::byte> out);
    /// Records the checksums. StorageError unless every row was given.
    void finish();

  private:
    void flush();
    void write_run(std::span<const std::byte> run);
    Handle select(std::int64_t first, std::int64_t count) const;

    Writer& writer_;
    std::string name_;
    Array about_;
    std::int64_t rows_ = 0, written_ = 0;  // the rows between them are in held_
    std::vector<std::byte> held_;
    Handle dataset_, item_;
};

}  // namespace vtvc::h5
