#pragma once
// How composed products are computed in this process; a job sets it once at its start, like torch's number of
// threads. Neither setting belongs to a run's id: results differ in rounding alone between the engines, and
// not by a bit between memory budgets.
#include <cstdint>

#include "vtvc/composition/engine.hpp"
#include "vtvc/core/jobs.hpp"

namespace vtvc {

struct CompositionSettings {
    EngineKind engine = EngineKind::cpu;
    /// For packed copies of a bank's blocks; those that find no room are packed anew for every product.
    std::int64_t packed_bytes = std::int64_t{4} << 30;
    /// Behind ∂L/∂z of weight matrices.
    Products gradient_products = Products::f32;
};

/// Memory that the engine keeps from call to call for its own use.
std::int64_t engine_scratch_bytes();

/// Those in use.
CompositionSettings& composition_settings();

}  // namespace vtvc
