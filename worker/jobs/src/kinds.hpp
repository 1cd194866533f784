#pragma once
// One function a job kind, a file each. All ranks run it together; the result lies in context.path.
// false: stopped with a checkpoint.
#include "vtvc/core/jacobian_job.hpp"
#include "vtvc/core/jobs.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

bool run_pretrain(RunContext& context, const PretrainJob& job);    // model.h5
bool run_finetune(RunContext& context, const FinetuneJob& job);    // model.h5
bool run_head(RunContext& context, const HeadJob& job);            // head.h5
bool run_bank(RunContext& context, const BankJob& job);            // bank.h5
bool run_features(RunContext& context, const FeaturesJob& job);    // features.h5
bool run_jacobian(RunContext& context, const JacobianJob& job);    // jacobian.h5
bool run_posterior(RunContext& context, const PosteriorJob& job);  // method.h5; baselines too
bool run_bench(RunContext& context, const BenchJob& job);          // bench.json

}  // namespace vtvc
