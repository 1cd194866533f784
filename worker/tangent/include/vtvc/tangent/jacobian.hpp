#pragma once
// Derivatives of a network's logits in the coefficients of its composition, about one point z̄ for all samples
// (method.md section 1). Shapes: B samples, C classes, K task vectors, J coefficients a vector.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "vtvc/composition/composed.hpp"
#include "vtvc/core/jacobian_job.hpp"
#include "vtvc/models/vit.hpp"

namespace vtvc {

/// features [B, D] → logits [B, C], by torch's own operations (a Head's logits).
using Classifier = std::function<at::Tensor(const at::Tensor& features)>;

struct Expansion {
    at::Tensor logits;    ///< [B, C] at z̄
    at::Tensor jacobian;  ///< [B, C, K, J]
};

/// One pass back a class, each giving all K·J through the engine's ∂z. images [B, channels, H, W], centre
/// [K, J] of the bank's type.
Expansion backward_jacobian(const Vit& vit, const BankView& bank, const Classifier& classify,
                            const at::Tensor& images, const at::Tensor& centre);
/// One pass forward a coefficient, each giving all classes: fewer for coarse partitions.
Expansion forward_jacobian(const Vit& vit, const BankView& bank, const Classifier& classify,
                           const at::Tensor& images, const at::Tensor& centre);

/// Passes over a batch that each takes.
std::int64_t passes(JacobianMode mode, std::int64_t classes, const BankView& bank);
/// What automatic means here: backward, unless forward takes fewer passes.
JacobianMode resolved_mode(JacobianMode mode, std::int64_t classes, const BankView& bank);

}  // namespace vtvc
