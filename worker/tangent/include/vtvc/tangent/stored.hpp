#pragma once
// Rows of a Jacobian file in memory, as they are stored, and the logits that they give: the linearised model.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "vtvc/storage/jacobian.hpp"

namespace vtvc {

class StoredTangent {
  public:
    StoredTangent() = default;
    StoredTangent(const JacobianAbout& about, JacobianRows rows);
    std::int64_t rows() const { return rows_.rows; }
    /// That each takes.
    std::int64_t row_bytes() const { return about_.row_bytes(); }
    const std::vector<std::int64_t>& ids() const { return rows_.ids; }
    /// z̄ [K, J]
    const at::Tensor& centre() const { return centre_; }
    /// At z̄: [n, C]
    at::Tensor logits_at_centre(std::span<const std::int64_t> rows) const;
    /// logits(z̄) + J (z − z̄) of row rows[i] with z[i]; z [n, K, J], float, on the CPU. Gradients flow into z;
    /// this must outlive them. A sample's logits do not depend on its batch. → [n, C]
    at::Tensor logits(std::span<const std::int64_t> rows, const at::Tensor& z) const;

  private:
    friend struct TangentProduct;
    JacobianAbout about_;
    JacobianRows rows_;
    at::Tensor centre_;
};

}  // namespace vtvc
