#pragma once
// kind = "predict": new images in; probabilities, uncertainty, coefficients out. Opens no labels at all.
#include "vtvc/core/jobs.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

/// Writes predictions.h5 and predictions.csv into the run folder.
void run_predict(RunContext& context, const PredictJob& job);

}  // namespace vtvc
