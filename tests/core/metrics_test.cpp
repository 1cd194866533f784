#include "vtvc/core/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

// Made by tests/golden/make_metrics.py.
const nlohmann::json& golden() {
    static const nlohmann::json document =
        nlohmann::json::parse(std::ifstream(VTVC_TEST_SOURCE_DIR "/../golden/metrics.json"));
    return document;
}

struct Golden {
    std::vector<float> probabilities = golden().at("probabilities");
    std::vector<std::int32_t> labels = golden().at("labels");
    Predictions predictions{probabilities, labels, golden().at("classes")};
    double operator[](const char* name) const { return golden().at(name); }
};

// Four rows of two classes, all by hand.
struct ByHand {
    std::vector<float> probabilities{.75f, .25f, .5f, .5f, .25f, .75f, 1, 0};
    std::vector<std::int32_t> labels{0, 1, 0, 0};
    Predictions predictions{probabilities, labels, 2};
};

PairedDifferences paired(std::int64_t seeds, std::vector<double> values) {
    return {seeds, static_cast<std::int64_t>(values.size()) / seeds, std::move(values)};
}

TEST(Metrics, AgreesWithHandComputedValues) {
    const ByHand hand;
    const Predictions& p = hand.predictions;
    EXPECT_EQ(correctness(p),
              (std::vector<double>{1, 0, 0, 1}));  // a tie goes to the first class: row 1 is wrong
    EXPECT_DOUBLE_EQ(mean(log_losses(p)), (-std::log(.75) - std::log(.5) - std::log(.25) - 0) / 4);
    EXPECT_DOUBLE_EQ(brier(p), (2 * .0625 + 2 * .25 + 2 * .5625 + 0) / 4);
    EXPECT_DOUBLE_EQ(entropies(p)[1], std::log(2.0));
    EXPECT_DOUBLE_EQ(entropies(p)[3], 0);
}

TEST(Metrics, ReliabilityBinsCloseOnTheRight) {
    const ByHand hand;
    const auto bins = reliability(hand.predictions, 4);
    EXPECT_EQ(bins[0].count, 0);
    EXPECT_EQ(bins[1].count, 1);  // .5 belongs to (.25, .5]
    EXPECT_EQ(bins[2].count, 2);  // both .75
    EXPECT_EQ(bins[3].count, 1);
    EXPECT_DOUBLE_EQ(bins[2].accuracy, .5);
    EXPECT_DOUBLE_EQ(bins[2].confidence, .75);
    EXPECT_DOUBLE_EQ(calibration_error(bins), (1 * .5 + 2 * .25 + 0) / 4);
}

TEST(Metrics, AdaptiveBinsHoldEqualCounts) {
    const ByHand hand;
    const auto bins = adaptive_reliability(hand.predictions, 2);
    EXPECT_EQ(bins[0].count, 2);  // confidences .5 and .75 (row 0)
    EXPECT_EQ(bins[1].count, 2);
    EXPECT_DOUBLE_EQ(calibration_error(bins), (2 * std::abs(.5 - .625) + 2 * std::abs(.5 - .875)) / 4);
    std::int64_t rows = 0;
    for (const auto& bin : adaptive_reliability(hand.predictions, 15)) rows += bin.count;
    EXPECT_EQ(rows, 4);  // more bins than rows lose none
}

TEST(Metrics, AgreesWithScikitLearnAndScipy) {
    const Golden g;
    const Predictions& p = g.predictions;
    // 1e-6: scikit-learn's loss is taken of rows renormalised in double, ours of the float32 rows as they
    // are.
    EXPECT_NEAR(mean(log_losses(p)), g["nll"], 1e-6);
    EXPECT_NEAR(mean(correctness(p)), g["accuracy"], 1e-12);
    EXPECT_NEAR(brier(p), g["brier"], 1e-12);
    EXPECT_NEAR(calibration_error(reliability(p)), g["ece"], 1e-12);
    EXPECT_NEAR(calibration_error(adaptive_reliability(p)), g["adaptive_ece"], 1e-12);
    EXPECT_NEAR(mean(entropies(p)), g["entropy"], 1e-6);
}

TEST(Metrics, OneCertainErrorStaysFinite) {
    const std::vector<float> probabilities{1, 0};
    const std::vector<std::int32_t> labels{1};
    EXPECT_DOUBLE_EQ(log_losses({probabilities, labels, 2})[0], -std::log(1e-12));
}

TEST(Metrics, RefusesImpossibleInputNamingTheRow) {
    const std::vector<float> good{.5f, .5f, .5f, .5f}, bad{.5f, .5f, std::nanf(""), .5f};
    const std::vector<std::int32_t> labels{0, 1}, outside{0, 2}, one{0};
    EXPECT_THROW(Predictions(good, one, 2), NumericError);
    try {
        Predictions(good, outside, 2);
        ADD_FAILURE() << "a label outside the classes was taken";
    } catch (const NumericError& error) {
        EXPECT_NE(std::string(error.what()).find("row 1"), std::string::npos) << error.what();
    }
    EXPECT_THROW(Predictions(bad, labels, 2), NumericError);
}

TEST(Auroc, CountsTiesAsHalfAndAgreesWithScikitLearn) {
    const std::vector<double> scores{1, 2, 2, 3};
    EXPECT_DOUBLE_EQ(auroc(scores, std::vector<char>{0, 0, 1, 1}), (1 + .5 + 1 + 1) / 4);
    EXPECT_DOUBLE_EQ(auroc(std::vector<double>(4, 7.0), std::vector<char>{0, 1, 0, 1}), .5);
    EXPECT_TRUE(std::isnan(auroc(scores, std::vector<char>{1, 1, 1, 1})));
    const Golden g;
    std::vector<char> wrong;
    for (double right : correctness(g.predictions)) wrong.push_back(right == 0);
    EXPECT_NEAR(auroc(golden().at("tied_scores").get<std::vector<double>>(), wrong), g["auroc_of_errors"],
                1e-12);
}

TEST(MostUncertain, TiesAtTheBorderShareThePlaces) {
    const std::vector<double> scores{5, 4, 4, 1}, values{1, 1, 0, 0};
    EXPECT_DOUBLE_EQ(mean_of_highest(scores, values, .25), 1);
    EXPECT_DOUBLE_EQ(mean_of_highest(scores, values, .5), (1 + .5) / 2);
    const std::vector<double> swapped{1, 0, 1, 0};
    EXPECT_DOUBLE_EQ(mean_of_highest(scores, swapped, .5), mean_of_highest(scores, values, .5));
    EXPECT_DOUBLE_EQ(mean_of_highest(scores, values, .1), 1);  // a decile of four rows is one row
}

TEST(Interval, AgreesWithScipyForManyDegreesOfFreedom) {
    const std::vector<double> sample = golden().at("sample");
    EXPECT_NEAR(standard_deviation(sample), golden().at("sd").get<double>(), 1e-12);
    EXPECT_NEAR(t_interval(sample).low, golden().at("t_interval")[0].get<double>(), 1e-9);
    EXPECT_NEAR(t_interval(sample).high, golden().at("t_interval")[1].get<double>(), 1e-9);
    for (const auto& pair : golden().at("t_quantiles")) {
        // Values whose mean is 0: the interval's end divided by sd/√n is the quantile.
        const std::size_t n = pair[0].get<std::size_t>() + 1;
        std::vector<double> values(n);
        for (std::size_t i = 0; i < n; ++i)
            values[i] = static_cast<double>(i) - static_cast<double>(n - 1) / 2;
        const double unit = standard_deviation(values) / std::sqrt(static_cast<double>(n));
        EXPECT_NEAR(t_interval(values).high / unit, pair[1].get<double>(), 1e-8) << n;
    }
    EXPECT_TRUE(std::isnan(t_interval(std::vector<double>{1}).low));
}

TEST(Bootstrap, OfAConstantDifferenceHasNoWidth) {
    const auto sets =
        std::vector{paired(2, std::vector<double>(20, .25)), paired(2, std::vector<double>(6, .75))};
    const auto result = paired_bootstrap(sets, 1, 200);
    EXPECT_DOUBLE_EQ(result.difference, .5);  // data sets weigh the same, whatever their size
    EXPECT_DOUBLE_EQ(result.interval.low, .5);
    EXPECT_DOUBLE_EQ(result.interval.high, .5);
}

TEST(Bootstrap, IntervalHasTheWidthOfTheStandardError) {
    // One seed, half ones and half zeros: s.e. of the mean = .5/√n.
    std::vector<double> values(400);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 ? 1 : 0;
    const std::vector sets{paired(1, values)};
    const auto result = paired_bootstrap(sets, 3, 4000);
    const double expected = 2 * 1.96 * .5 / std::sqrt(400.0);
    // Percentiles of 4,000 replicates: about 3 % of the width; .0025 is the grid of the mean.
    EXPECT_NEAR(result.interval.high - result.interval.low, expected, .06 * expected + .0025);
}

TEST(Bootstrap, SameImagesUnderMoreSeedsAreNotMoreImages) {
    std::vector<double> values(100);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 ? 1 : 0;
    std::vector<double> copies;
    for (int s = 0; s < 5; ++s) copies.insert(copies.end(), values.begin(), values.end());
    const std::vector one{paired(1, values)}, five{paired(5, copies)};
    const auto a = paired_bootstrap(one, 3, 2000).interval, b = paired_bootstrap(five, 3, 2000).interval;
    EXPECT_NEAR(a.high - a.low, b.high - b.low, 1e-9);
}

TEST(Bootstrap, SeedsThatDisagreeWidenTheInterval) {
    std::vector<double> values(20, 1.0);
    values.resize(40, -1.0);  // seed 0: always better, seed 1: always worse
    const std::vector sets{paired(2, values)};
    const auto result = paired_bootstrap(sets, 5, 2000);
    EXPECT_DOUBLE_EQ(result.difference, 0);
    EXPECT_DOUBLE_EQ(result.interval.low, -1);
    EXPECT_DOUBLE_EQ(result.interval.high, 1);
}

TEST(Bootstrap, IsAFunctionOfItsSeed) {
    const std::vector sets{paired(1, {1, 0, 0, -1, 1, 1, 0, 1, 0, 0})};
    EXPECT_EQ(paired_bootstrap(sets, 7).interval.low, paired_bootstrap(sets, 7).interval.low);
    EXPECT_EQ(permutation_test(sets, 7), permutation_test(sets, 7));
}

TEST(Permutation, ApproachesTheExactTailOfSignFlips) {
    // Five differences of one sign: 2 of 2^5 patterns reach the sum. 9,999 rounds: s.e. .0024.
    const std::vector sets{paired(1, {1, 1, 1, 1, 1})};
    EXPECT_NEAR(permutation_test(sets, 1), 2.0 / 32, .008);
    const std::vector balanced{paired(1, {1, -1, 1, -1})};
    EXPECT_DOUBLE_EQ(permutation_test(balanced, 1), 1);
    const std::vector nothing{paired(1, {0, 0, 0})};
    EXPECT_DOUBLE_EQ(permutation_test(nothing, 1), 1);
}

TEST(Permutation, RefusesSetsWithDifferentSeeds) {
    const std::vector sets{paired(1, {1, 0}), paired(2, {1, 0})};
    EXPECT_THROW(permutation_test(sets, 1), NumericError);
    EXPECT_THROW(paired_bootstrap({}, 1), NumericError);
}

TEST(Holm, StepsDownAndNeverDecreases) {
    const std::vector<double> p{.01, .04, .03, .005};
    const std::vector<double> expected{.03, .06, .06, .02};  // 3·.01, max(.06, 1·.04), 2·.03, 4·.005
    const auto adjusted = holm(p);
    for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12) << i;
    EXPECT_DOUBLE_EQ(holm(std::vector<double>{.7, .9})[0], 1);
}

TEST(Wilcoxon, IsExactForFewDifferences) {
    EXPECT_DOUBLE_EQ(wilcoxon(std::vector<double>{1, 2, 3, 4, 5}).p, 2.0 / 32);  // hence: no p below .0625
    EXPECT_DOUBLE_EQ(wilcoxon(std::vector<double>{1, 2, 3, 4, 5}).statistic, 15);
    // With ties: |d| = 1, 1, 2 → ranks 1.5, 1.5, 3; patterns with W+ ≥ 4.5: {1.5+3}×2, {6} = 3 of 8.
    EXPECT_DOUBLE_EQ(wilcoxon(std::vector<double>{1, -1, 2}).p, 2 * 3.0 / 8);
    const std::vector<double> few = golden().at("few");
    EXPECT_NEAR(wilcoxon(few).p, golden().at("wilcoxon_exact_p").get<double>(), 1e-12);
}

TEST(Wilcoxon, LeavesOutZerosAndUsesTheNormalTailForMany) {
    EXPECT_EQ(wilcoxon(std::vector<double>{0, 0}).used, 0);
    EXPECT_DOUBLE_EQ(wilcoxon(std::vector<double>{0, 0}).p, 1);
    const std::vector<double> many = golden().at("many");
    EXPECT_NEAR(wilcoxon(many).p, golden().at("wilcoxon_normal_p").get<double>(), 1e-9);
}

}  // namespace
}  // namespace vtvc
