#pragma once
// The failure signatures of method.md section 5, watched on validation data while a posterior trains.
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace vtvc {

struct SignatureInput {
    at::Tensor confidence;   ///< [N] probability of the guess
    at::Tensor correct;      ///< [N] 0 or 1
    at::Tensor uncertainty;  ///< [N] mean u of the sample's coefficients
    double nonzero = 0;      ///< share of coefficients that hard evaluation keeps
    double prior = 1;        ///< π
    double flip_rate = 0;    ///< share of on/off decisions that change when the image moves by one pixel
};

struct Signature {
    std::string name;  ///< calibration, nonzero or flip
    std::string text;  ///< what was seen, with figures
};

/// calibration: in the most uncertain fifth accuracy stays below confidence by more than .15 and four
/// standard errors (uncertainty that calibration does not explain). nonzero: kept share above π + .1. flip:
/// rate above .1.
std::vector<Signature> failure_signatures(const SignatureInput& input);

}  // namespace vtvc
