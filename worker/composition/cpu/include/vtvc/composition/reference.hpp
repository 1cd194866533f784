#pragma once
// What the engine computes, in loops that say what it means, in double precision: the oracle of its tests.
#include <vector>

#include "vtvc/composition/operands.hpp"

namespace vtvc {

/// y_b = x_b W_bᵀ + bias_b. → [samples, tokens, outputs]
std::vector<double> product_reference(const StackedMatrices& bank, const Activations& x,
                                      const Coefficients& z, const Bias& bias);
/// dz_bk = ⟨dyᵀ_b x_b, τ_k⟩. → [samples, tasks]
std::vector<double> coefficient_gradient_reference(const StackedMatrices& bank, const Activations& x,
                                                   const Activations& dy);

}  // namespace vtvc
