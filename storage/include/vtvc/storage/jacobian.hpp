#pragma once
// Jacobian files: logits of one data set at a point z̄ of coefficients, and their derivatives in every
// coefficient, row by row: logits(z) ≈ logits(z̄) + J (z − z̄) (method.md section 1). Shapes: N rows, C
// classes, K task vectors, J coefficients a vector.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vtvc/core/jacobian_job.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc {

/// What a Jacobian is of: content hashes of all that it was made from, and its sizes.
struct JacobianOrigin {
    std::string base_hash, bank_hash, dataset_hash, head_hash;
    std::string partition;
    std::vector<std::string> task_names;  ///< in use, in the bank's order
};

struct JacobianAbout {
    JacobianOrigin origin;
    std::vector<std::string> coefficient_names;
    std::int64_t classes = 0;
    JacobianStore store = JacobianStore::f32;
    std::vector<float> centre;  ///< z̄ [K, J]

    std::int64_t tasks() const { return static_cast<std::int64_t>(origin.task_names.size()); }
    std::int64_t coefficients() const { return static_cast<std::int64_t>(coefficient_names.size()); }
    /// Numbers of a row: C·K·J.
    std::int64_t numbers() const { return classes * tasks() * coefficients(); }
    /// Scales of a row: C·K for int8, else 0.
    std::int64_t scales() const { return store == JacobianStore::int8 ? classes * tasks() : 0; }
    /// Bytes of a row in a file and in memory: derivatives, scales, logits and id.
    std::int64_t row_bytes() const;
};

/// Writes one in portions; only Split::train and Split::validation have rows.
class JacobianWriter {
  public:
    /// rows of both splits; the disk must have room for them. Nothing stands under path before finish().
    JacobianWriter(const std::filesystem::path& path, JacobianAbout about, std::int64_t train_rows,
                   std::int64_t validation_rows);
    ~JacobianWriter();
    JacobianWriter(JacobianWriter&&) noexcept;
    JacobianWriter& operator=(JacobianWriter&&) noexcept;

    /// logits [n, C], values [n, C, K, J], for the next rows of a split. StorageError on lengths that do not
    /// fit and on NaN or Inf.
    void append(Split split, std::span<const std::int64_t> ids, std::span<const float> logits,
                std::span<const float> values);
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Some rows as they are stored.
struct JacobianRows {
    std::int64_t rows = 0;
    std::vector<std::int64_t> ids;   ///< the dataset's, row by row
    std::vector<float> logits;       ///< [rows, C], at z̄
    std::vector<std::byte> numbers;  ///< [rows, C, K, J] of the file's kind
    std::vector<float> scales;       ///< [rows, C, K], int8 only
};

class Jacobian {
  public:
    static Jacobian open(const std::filesystem::path& path);
    /// Refuses a Jacobian of anything else, naming what differs, both ways.
    void expect(const JacobianOrigin& needed) const;
    const std::string& path() const { return path_; }
    const std::string& hash() const { return hash_; }
    const JacobianAbout& about() const { return about_; }
    /// Of Split::train or Split::validation.
    std::int64_t rows(Split split) const;
    JacobianRows read(Split split) const;
    /// [rows, C, K, J]
    std::vector<float> floats(const JacobianRows& rows) const;

  private:
    std::string path_, hash_;
    JacobianAbout about_;
    std::int64_t train_ = 0, validation_ = 0;
};

}  // namespace vtvc
