#pragma once
// Paired differences between rows of a table, image by image.
#include <string>
#include <vector>

#include "results.hpp"

namespace vtvc::report {

/// Of every resampling on the page; any fixed number, so that the report is a function of its runs.
inline constexpr std::uint64_t resampling_seed = 20250918;

struct Comparison {
    std::string main, rival;  ///< row ids
    /// The rival is the best of the fixed merges by test accuracy, which favours it.
    bool best_fixed = false;
    std::string remark;                          ///< where the rows share only some data sets
    BootstrapResult accuracy, nll;               ///< main − rival: fractions, nats
    double accuracy_p = nan, nll_p = nan;        ///< permutation test
    double accuracy_holm = nan, nll_holm = nan;  ///< corrected over all tests of the protocol
    std::int64_t images = 0, seeds = 0;
};

/// The protocol's main row against per_dataset, amortised, the best fixed merge, aTLAS and the probe, and its
/// hard form against amortised; whatever of them is there. A rival without the main row's seed is met with
/// its first.
std::vector<Comparison> compare(const ProtocolResults& protocol);
/// Differences of main − rival over the images and data sets that both saw; empty without any.
std::vector<PairedDifferences> pair_up(const Row& main, const Row& rival, std::vector<double> Cell::*what);

}  // namespace vtvc::report
