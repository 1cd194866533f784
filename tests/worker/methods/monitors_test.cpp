// Each failure signature of method.md section 5 is made to fire, and stays silent on a healthy posterior.
#include "vtvc/methods/monitors.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vtvc {
namespace {

/// 200 samples, confidence .8, right four times in five; uncertainty rises along the rows.
SignatureInput healthy() {
    SignatureInput input;
    input.confidence = torch::full({200}, .8);
    input.correct = (torch::arange(200) % 5 != 0).to(at::kFloat);
    input.uncertainty = torch::arange(200).to(at::kFloat);
    input.nonzero = .3;
    input.prior = .5;
    input.flip_rate = .02;
    return input;
}

std::vector<std::string> names(const SignatureInput& input) {
    std::vector<std::string> result;
    for (const Signature& found : failure_signatures(input)) result.push_back(found.name);
    return result;
}

TEST(Signatures, AreSilentOnAHealthyPosterior) { EXPECT_TRUE(names(healthy()).empty()); }

TEST(Signatures, AccuracyThatFallsWithUncertaintyBeyondCalibrationFires) {
    SignatureInput input = healthy();
    input.correct.slice(0, 160) = 0;
    EXPECT_EQ(names(input), std::vector<std::string>{"calibration"});
}

TEST(Signatures, AccuracyThatFallsAsConfidenceSaysIsNoFailure) {
    SignatureInput input = healthy();
    input.correct.slice(0, 160) = 0;
    input.confidence.slice(0, 160) = .05;
    EXPECT_TRUE(names(input).empty());
}

TEST(Signatures, MoreNonZerosThanThePriorExpectsFires) {
    SignatureInput input = healthy();
    input.nonzero = .8;
    EXPECT_EQ(names(input), std::vector<std::string>{"nonzero"});
}

TEST(Signatures, DecisionsThatFlipForNearlyTheSameImageFire) {
    SignatureInput input = healthy();
    input.flip_rate = .2;
    EXPECT_EQ(names(input), std::vector<std::string>{"flip"});
}

}  // namespace
}  // namespace vtvc
