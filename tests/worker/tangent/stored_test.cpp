// Logits and gradients from rows as they are stored, against the same sums by torch.
#include "vtvc/tangent/stored.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>

#include "../../scratch.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t rows = 7, classes = 3, tasks = 2, coefficients = 21;

/// A file of random numbers, written and read back.
struct Written {
    at::Tensor values = torch::randn({rows, classes, tasks, coefficients}),
               logits = torch::randn({rows, classes}), centre = torch::rand({tasks, coefficients});
    StoredTangent tangent;

    explicit Written(JacobianStore store) {
        const test::Scratch folder;
        const std::filesystem::path path = folder / "j.h5";
        JacobianAbout about{{"b", "k", "d", "h", "tensor", {"one", "two"}},
                            std::vector<std::string>(coefficients, "c"),
                            classes,
                            store,
                            {}};
        about.centre.assign(centre.data_ptr<float>(), centre.data_ptr<float>() + centre.numel());
        JacobianWriter writer(path, about, rows, 0);
        const std::vector<std::int64_t> ids{10, 11, 12, 13, 14, 15, 16};
        const auto numbers = [](const at::Tensor& t) {
            return std::span<const float>(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()));
        };
        writer.append(Split::train, ids, numbers(logits), numbers(values));
        writer.finish();
        const Jacobian file = Jacobian::open(path);
        tangent = StoredTangent(file.about(), file.read(Split::train));
    }
};

class EachStore : public testing::TestWithParam<JacobianStore> {
  protected:
    void SetUp() override { torch::manual_seed(3); }
    /// Of the largest derivative: f32 sums, bf16 2⁻⁸ of each, int8 half of a 127th of each piece's largest.
    static double tolerance() {
        return GetParam() == JacobianStore::f32    ? 1e-6
               : GetParam() == JacobianStore::bf16 ? 1. / 256
                                                   : 1. / 254;
    }
};
INSTANTIATE_TEST_SUITE_P(Tangents, EachStore,
                         testing::Values(JacobianStore::f32, JacobianStore::bf16, JacobianStore::int8),
                         [](const auto& about) { return name_of(about.param); });

TEST_P(EachStore, LogitsAndGradientsAreThoseOfTheLinearModel) {
    const Written written(GetParam());
    const std::vector<std::int64_t> chosen{5, 0, 5, 2};
    const at::Tensor index = torch::tensor(chosen);
    const at::Tensor z = torch::randn({4, tasks, coefficients}).requires_grad_();
    const at::Tensor slope = torch::randn({4, classes});
    const at::Tensor found = written.tangent.logits(chosen, z);
    (found * slope).sum().backward();
    const at::Tensor gradient = z.grad().clone();

    const at::Tensor own = written.values.index_select(0, index);
    const at::Tensor change = z.detach() - written.centre;
    const at::Tensor expected =
        written.logits.index_select(0, index) + torch::einsum("bckj,bkj->bc", {own, change});
    const double most = written.values.abs().max().item<double>() * tolerance();
    EXPECT_LT((found - expected).abs().max().item<double>(),
              most * change.abs().sum({1, 2}).max().item<double>() + 1e-5);
    EXPECT_LT((gradient - torch::einsum("bckj,bc->bkj", {own, slope})).abs().max().item<double>(),
              most * slope.abs().sum(1).max().item<double>() + 1e-6);
}

TEST_P(EachStore, AtTheCentreTheLogitsAreTheFilesToTheBit) {
    const Written written(GetParam());
    const std::vector<std::int64_t> chosen{1, 6};
    const at::Tensor z = written.centre.expand({2, tasks, coefficients});
    EXPECT_TRUE(torch::equal(written.tangent.logits(chosen, z),
                             written.logits.index_select(0, torch::tensor(chosen))));
}

TEST_P(EachStore, ASampleDoesNotFeelItsBatchOrTheThreads) {
    const Written written(GetParam());
    const std::vector<std::int64_t> chosen{0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3};
    const at::Tensor z = torch::randn({11, tasks, coefficients});
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const at::Tensor all = written.tangent.logits(chosen, z);
    at::set_num_threads(2);
    EXPECT_TRUE(torch::equal(written.tangent.logits(chosen, z), all));
    at::set_num_threads(threads);
    for (std::size_t i = 0; i < chosen.size(); ++i)
        EXPECT_TRUE(torch::equal(written.tangent.logits(std::span(chosen).subspan(i, 1),
                                                        z.narrow(0, static_cast<std::int64_t>(i), 1))[0],
                                 all[static_cast<std::int64_t>(i)]));
}

TEST(StoredTangent, RefusesCoefficientsThatDoNotFit) {
    const Written written(JacobianStore::f32);
    const std::vector<std::int64_t> chosen{1, 6};
    EXPECT_THROW(written.tangent.logits(chosen, torch::zeros({3, tasks, coefficients})), NumericError);
    EXPECT_THROW(written.tangent.logits(chosen, torch::zeros({2, tasks, coefficients}, at::kDouble)),
                 NumericError);
}

}  // namespace
}  // namespace vtvc
