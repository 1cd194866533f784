#pragma once
// What the files of this room tell each other: loaders of the families and trainers of the methods.
#include "vtvc/methods/method.hpp"
#include "vtvc/posterior/posterior.hpp"

namespace vtvc {

std::unique_ptr<TrainedMethod> load_fixed(const LoadedMethod& loaded, const Problem& problem);
std::unique_ptr<TrainedMethod> load_merged(const LoadedMethod& loaded, const Problem& problem);
std::unique_ptr<TrainedMethod> load_probe(const LoadedMethod& loaded, const Problem& problem);
std::unique_ptr<TrainedMethod> load_amortised(const LoadedMethod& loaded, const Problem& problem);

/// One training with the job's settings, no selection.
TrainedBy train_amortised(RunContext& context, const PosteriorJob& job, Problem& problem,
                          const std::string& phase);
/// atlas: one learned matrix for all data; per_dataset: one a data set.
TrainedBy train_coefficients(RunContext& context, const BaselineJob& job, Problem& problem,
                             const std::string& phase);
TrainedBy train_arithmetic(RunContext& context, const BaselineJob& job, Problem& problem);
TrainedBy train_ties(RunContext& context, const BaselineJob& job, Problem& problem);
TrainedBy train_probe(RunContext& context, const BaselineJob& job, Problem& problem);
/// zero_shot, average, individual: nothing to train.
TrainedBy make_untrained(RunContext& context, const BaselineJob& job, Problem& problem);

/// An amortised posterior as a trained method.
std::unique_ptr<TrainedMethod> make_amortised(Posterior posterior, bool told);
PosteriorSettings posterior_settings(const PosteriorJob& job, const Problem& problem);

}  // namespace vtvc
