#include "vtvc/methods/monitors.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace vtvc {

std::vector<Signature> failure_signatures(const SignatureInput& input) {
    std::vector<Signature> found;
    const std::int64_t samples = input.confidence.defined() ? input.confidence.numel() : 0;
    if (samples >= 20) {
        const std::int64_t fifth = samples / 5;
        const at::Tensor order = input.uncertainty.argsort(0, true).narrow(0, 0, fifth);
        const double confidence = input.confidence.index_select(0, order).mean().item<double>();
        const double accuracy = input.correct.index_select(0, order).mean().item<double>();
        const double error = std::sqrt(std::max(accuracy * (1 - accuracy), .01) / static_cast<double>(fifth));
        if (confidence - accuracy > std::max(.15, 4 * error)) {
            found.push_back(
                {"calibration", fmt::format("among the fifth of samples with the most uncertain coefficients "
                                            "accuracy is {:.3f} at confidence {:.3f}",
                                            accuracy, confidence)});
        }
    }
    if (input.nonzero > input.prior + .1) {
        found.push_back(
            {"nonzero", fmt::format("{:.0f} % of the coefficients are kept, the prior expects {:.0f} %",
                                    100 * input.nonzero, 100 * input.prior)});
    }
    if (input.flip_rate > .1) {
        found.push_back(
            {"flip", fmt::format("{:.1f} % of the gate's decisions change when an image moves by a pixel",
                                 100 * input.flip_rate)});
    }
    return found;
}

}  // namespace vtvc
