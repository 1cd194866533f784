// The posterior through the real network and engine, where the truth is known.
#include "planted.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vtvc {
namespace {

using testing::Planted;

Planted& planted() {
    static Planted data;
    return data;
}

/// Shares of (sub-domain, vector) pairs judged right: own vectors included, random ones excluded.
double pairs_right(const at::Tensor& share) {
    int right = 0, pairs = 0;
    for (std::int64_t s = 0; s < Planted::subdomains; ++s) {
        right += share[s][s].item<double>() > .5;
        ++pairs;
        for (std::int64_t r = 0; r < Planted::random_vectors; ++r, ++pairs) {
            right += share[s][Planted::subdomains + r].item<double>() < .5;
        }
    }
    return static_cast<double>(right) / pairs;
}

TEST(PlantedTruth, GroupSpikeIncludesTheRightVectorsAndExcludesTheRandomOnes) {
    const TrainedBy trained = planted().train(planted().job());
    const at::Tensor share = planted().hard_share(*trained.method);
    std::cout << "hard share, sub-domain x (own vectors, random ones):\n" << share << "\n";
    EXPECT_GE(pairs_right(share), .95);
    EXPECT_GT(planted().accuracy(*trained.method), planted().base_accuracy() + .15);
}

TEST(PlantedTruth, CoefficientSpikeIsReportedWhateverItGives) {
    PosteriorJob job = planted().job();
    job.posterior.spike = Spike::coefficient;
    job.prior.inclusion = .5;
    const TrainedBy trained = planted().train(job);
    const double right = pairs_right(planted().hard_share(*trained.method));
    std::cout << "spike per coefficient: " << right << " of the pairs right\n";
    RecordProperty("pairs_right", std::to_string(right));
    EXPECT_GT(planted().accuracy(*trained.method), planted().base_accuracy());
}

TEST(LiveKl, InclusionFallsMonotonicallyAsItsWeightGrows) {
    std::vector<double> inclusion;
    for (const double lambda : {0.0, .05, .3, 2.0}) {
        PosteriorJob job = planted().job();
        job.train.steps = 200;
        job.prior.warmup = 0;
        job.prior.inclusion = .05;
        job.prior.lambda_spike = lambda;
        inclusion.push_back(planted().mean_inclusion(*planted().train(job).method));
        std::cout << "lambda " << lambda << ": mean inclusion " << inclusion.back() << "\n";
    }
    for (std::size_t i = 1; i < inclusion.size(); ++i) EXPECT_LT(inclusion[i], inclusion[i - 1]);
}

/// The paper's sanity run: two classes, one set, does the posterior learn at all.
TEST(Binary, ThePosteriorLearnsTwoClasses) {
    Planted binary(2, 3);
    PosteriorJob job = binary.job();
    const TrainedBy trained = binary.train(job);
    const double base = binary.base_accuracy(), learned = binary.accuracy(*trained.method);
    std::cout << "binary: base " << base << ", posterior " << learned << "\n";
    EXPECT_GT(learned, .8);
    EXPECT_GT(learned, base + .1);
}

TEST(Identities, OneHotCoefficientsAreTheFineTunedModelAndZeroIsTheBase) {
    const Problem& problem = planted().problem();
    const Rows& rows = problem.tasks()[0].validation;
    const std::vector<std::int64_t> index{0, 1, 2, 3, 4, 5, 6};
    const Batch batch = problem.batch_of(0, rows, index);
    const torch::NoGradGuard no_grad;
    at::Tensor z = torch::zeros({7, problem.bank().tasks(), problem.bank().coefficients()});
    const at::Tensor base = plain_probabilities(problem, 0, batch.images, problem.base_blocks());
    EXPECT_TRUE(torch::equal(composed_probabilities(problem, 0, batch.images, z), base));
    z.select(1, 1).fill_(1);
    const at::Tensor tuned = plain_probabilities(problem, 0, batch.images, merge(problem.bank(), z[0]));
    EXPECT_TRUE(torch::allclose(composed_probabilities(problem, 0, batch.images, z), tuned, 1e-4, 1e-5));
    EXPECT_FALSE(torch::allclose(base, tuned, 1e-2, 1e-2));
}

}  // namespace
}  // namespace vtvc
