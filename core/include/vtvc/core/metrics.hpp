#pragma once
// How good predictions are, and how sure one may be of a difference (method.md section 5). Free of torch, so
// that a report needs no network. Sums run in double, in the order of the rows: the same input gives the same
// bits.
#include <cstdint>
#include <span>
#include <vector>

namespace vtvc {

/// N rows of C class probabilities, row-major, and the N true classes. Borrows both.
/// NumericError, naming the row: sizes that do not fit, a label outside [0, C), a probability that is not in
/// [0, 1].
class Predictions {
  public:
    Predictions(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                std::int64_t classes);
    std::int64_t rows() const { return static_cast<std::int64_t>(labels_.size()); }
    std::int64_t classes() const { return classes_; }
    std::int32_t label(std::int64_t row) const { return labels_[static_cast<std::size_t>(row)]; }
    std::span<const float> row(std::int64_t row) const;
    /// The most probable class; the first of equals.
    std::int32_t predicted(std::int64_t row) const;

  private:
    std::span<const float> probabilities_;
    std::span<const std::int32_t> labels_;
    std::int64_t classes_;
};

/// Per row: 1 where the prediction is right, else 0.
std::vector<double> correctness(const Predictions& p);
/// Per row: −ln p(label), nats. p is taken as 1e-12 at least, so that one certain error stays finite.
std::vector<double> log_losses(const Predictions& p);
/// Per row: the highest probability.
std::vector<double> confidences(const Predictions& p);
/// Per row: −Σ p ln p, nats (total entropy of the predictive distribution).
std::vector<double> entropies(const Predictions& p);
/// Mean over the rows of Σ_c (p_c − 1[c = label])²; between 0 and 2.
double brier(const Predictions& p);

/// One bar of a reliability diagram: rows whose confidence lies together.
struct ReliabilityBin {
    std::int64_t count = 0;
    double confidence = 0;  ///< mean; 0 in an empty bin
    double accuracy = 0;    ///< share of right predictions; 0 in an empty bin
};
inline constexpr std::int64_t default_bins = 15;
/// Bins (b/n, (b+1)/n] of equal width.
std::vector<ReliabilityBin> reliability(const Predictions& p, std::int64_t bins = default_bins);
/// Bins of equal count (to one row), rows sorted by confidence; equal confidences keep the order of the rows.
std::vector<ReliabilityBin> adaptive_reliability(const Predictions& p, std::int64_t bins = default_bins);
/// Expected calibration error: Σ count/N · |accuracy − confidence|.
double calibration_error(std::span<const ReliabilityBin> bins);

/// Probability that a positive row has a higher score than a negative one, ties counting half.
/// NaN where one of the two kinds is absent.
double auroc(std::span<const double> scores, std::span<const char> positive);
/// Mean of values over the ⌈fraction·N⌉ rows with the highest scores. Rows tied at the border share the
/// places left, so that the answer does not depend on the order of the rows.
double mean_of_highest(std::span<const double> scores, std::span<const double> values, double fraction = .1);

/// n − 1 in the denominator; NaN below two values.
double mean(std::span<const double> values);
double standard_deviation(std::span<const double> values);
struct Interval {
    double low = 0, high = 0;
};
/// mean ± t · sd/√n with Student's t of n − 1 degrees of freedom; NaN below two values.
Interval t_interval(std::span<const double> values, double level = .95);

/// Differences a − b of one data set, image by image: seeds × images, row-major. Every seed meets the same
/// images.
struct PairedDifferences {
    std::int64_t seeds = 0, images = 0;
    std::vector<double> values;
};
struct BootstrapResult {
    double difference = 0;  ///< mean over data sets of the mean over seeds and images
    Interval interval;      ///< percentiles
};
/// Percentile bootstrap with two levels: each replicate draws seeds with replacement (the same for all data
/// sets), then images with replacement inside each data set. One draw of images serves all seeds of a
/// replicate: they met the same images, and drawing anew for each would treat S looks at an image as S
/// images. Random numbers are a function of (seed, replicate, data set). NumericError when the sets differ in
/// seeds.
BootstrapResult paired_bootstrap(std::span<const PairedDifferences> sets, std::uint64_t seed,
                                 std::int64_t replicates = 2000, double level = .95);
/// Two-sided p of "no difference", by flipping the sign of each image's difference (its mean over the seeds):
/// (1 + #{|flipped| ≥ |observed|}) / (1 + rounds). It asks whether the difference holds for other images,
/// given these seeds.
double permutation_test(std::span<const PairedDifferences> sets, std::uint64_t seed,
                        std::int64_t rounds = 9999);

/// Holm's step-down correction: adjusted p in the order given, never above 1.
std::vector<double> holm(std::span<const double> p);

struct SignedRanks {
    double statistic = 0;   ///< sum of the ranks of positive differences
    double p = 1;           ///< two-sided
    std::int64_t used = 0;  ///< differences that are not zero
};
/// Wilcoxon's signed ranks; zeros are left out, ties share ranks. Exact (all sign patterns, ties included) up
/// to 30 differences, beyond that the normal approximation with tie and continuity correction.
SignedRanks wilcoxon(std::span<const double> differences);

}  // namespace vtvc
