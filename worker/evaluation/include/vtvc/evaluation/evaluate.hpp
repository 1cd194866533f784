#pragma once
// kind = "evaluate": a trained method on test splits. The only job that may open test labels.
#include "vtvc/core/jobs.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

/// Writes predictions.h5 and evaluation.json into the run folder.
void run_evaluate(RunContext& context, const EvaluateJob& job);

}  // namespace vtvc
