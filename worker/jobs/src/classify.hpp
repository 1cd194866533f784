#pragma once
// What pretrain and finetune share: plain weights, a classifier on features, cross-entropy.
#include <ATen/core/Tensor.h>

#include <functional>

#include "vtvc/composition/plain.hpp"
#include "vtvc/models/vit.hpp"
#include "vtvc/training/images.hpp"
#include "vtvc/training/loop.hpp"

namespace vtvc {

/// features [B, D] → logits [B, C]
using Classifier = std::function<at::Tensor(const at::Tensor&)>;

LoopResult train_classifier(RunContext& context, const Vit& vit, PlainWeights& weights,
                            const std::vector<std::pair<std::string, at::Tensor>>& parameters,
                            const ImageSet& train, const ImageSet& validation, const Classifier& classifier,
                            const TrainKeys& keys, const AugmentKeys& augment, std::uint64_t seed);

/// Accuracy and nll of the classifier over rows, by all ranks.
std::map<std::string, double> judge_classifier(Communicator& comm, const Vit& vit, PlainWeights& weights,
                                               const ImageSet& rows, const Classifier& classifier);

}  // namespace vtvc
