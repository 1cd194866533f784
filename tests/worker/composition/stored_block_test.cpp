// Banks whose file has rounded and low-rank task vectors: read, kept as they are, multiplied by the engine,
// against scheme (a) over the same numbers as floats.
#include "vtvc/composition/stored_block.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>

#include "vtvc/composition/composed.hpp"
#include "vtvc/storage/bank_writer.hpp"

namespace vtvc {
namespace {

constexpr std::int64_t kOut = 40, kIn = 36, kTasks = 5;

std::span<const float> values(const at::Tensor& t) {
    return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())};
}

/// Tasks in f32, bf16, int8, low rank, and one of LoRA factors in one block alone.
class StoredBank : public testing::Test {
  protected:
    void SetUp() override {
        torch::manual_seed(5);
        path_ = std::filesystem::temp_directory_path() /
                ("vtvc-stored-" + std::to_string(::getpid()) + "-" +
                 testing::UnitTest::GetInstance()->current_test_info()->name() + ".h5");
        BankPlan plan;
        plan.base_hash = std::string(64, 'a');
        plan.blocks = {{"w", {kOut, kIn}}, {"b", {kOut}}, {"proj", {kIn, kOut}}, {"conv", {kOut, 1, 6, 6}}};
        plan.tasks = {{"exact", "", {}},
                      {"half", "", {StorageKind::bf16, 0}},
                      {"bytes", "", {StorageKind::int8, 0}},
                      {"thin", "", {StorageKind::low_rank, 3}},
                      {"lora", "", {}}};
        BankWriter writer(path_, plan);
        for (std::int64_t j = 0; j < static_cast<std::int64_t>(plan.blocks.size()); ++j) {
            const auto& shape = plan.blocks[static_cast<std::size_t>(j)].shape;
            writer.put_base(j, values(torch::randn(shape)));
            for (std::int64_t k = 0; k + 1 < kTasks; ++k)
                writer.put_task(j, k, values(torch::randn(shape) * .3));
            std::vector<Factors> lora;
            if (j == 0) {
                Factors part{8, 16, 2, std::vector<float>(32, .2F), std::vector<float>(2 * kIn, -.1F)};
                for (std::size_t i = 0; i < part.right.size(); i += 3) part.right[i] = .4F;
                lora.push_back(part);
            }
            writer.put_factors(j, kTasks - 1, lora);
        }
        writer.finish();
    }
    void TearDown() override { std::filesystem::remove(path_); }

    std::filesystem::path path_;
};

struct Result {
    at::Tensor y, dx, dz;
};
Result differentiate(const BankView& bank, const at::Tensor& x_in, const at::Tensor& z_in, Scheme scheme) {
    const at::Tensor x = x_in.detach().requires_grad_(), z = z_in.detach().requires_grad_();
    const auto w = make_composed(bank, z, scheme);
    const at::Tensor y = at::cat({w->linear(x, 0, 1), w->linear_transposed(x, 2), w->linear(x, 3, -1)}, 2);
    const auto got = torch::autograd::grad(
        {(y * torch::linspace(-1, 2, y.numel(), y.options()).view_as(y)).sum()}, {x, z});
    return {y.detach(), got[0], got[1]};
}
double relative(const at::Tensor& got, const at::Tensor& expected) {
    return (got.to(at::kDouble) - expected).abs().max().item<double>() / expected.abs().max().item<double>();
}

TEST_F(StoredBank, IsMultipliedAsItIsStored) {
    const Bank file = Bank::open(path_);
    const BankView bank = BankView::load(file, Partition::tensor);
    const BankView doubles = BankView::load(file, Partition::tensor, {}, at::kDouble);
    for (const std::int64_t block : {0, 2, 3}) ASSERT_NE(bank.stored(block), nullptr) << block;
    EXPECT_EQ(bank.stored(1), nullptr);
    EXPECT_EQ(doubles.stored(0), nullptr);
    const at::Tensor x = torch::randn({4, 7, kIn});
    for (const double share : {1., .4, 0.}) {
        const at::Tensor z = torch::randn({4, kTasks, 4}) * (torch::rand({4, kTasks, 4}) < share);
        const Result expected =
            differentiate(doubles, x.to(at::kDouble), z.to(at::kDouble), Scheme::materialise);
        const Result got = differentiate(bank, x, z, Scheme::automatic);
        EXPECT_LT(relative(got.y, expected.y), 1e-5);
        EXPECT_LT(relative(got.dx, expected.dx), 1e-5);
        EXPECT_LT(relative(got.dz, expected.dz), 1e-5);
        // The reference schemes and merged weights get the same numbers.
        EXPECT_LT(relative(differentiate(bank, x, z, Scheme::materialise).dz, expected.dz), 1e-4);
    }
    EXPECT_LT(relative(merge(bank, at::full({kTasks, 4}, .3))[0],
                       merge(doubles, at::full({kTasks, 4}, .3, at::kDouble))[0]),
              1e-6);
}

TEST_F(StoredBank, LeavesOutTasksByName) {
    const Bank file = Bank::open(path_);
    const BankView fewer = BankView::load(file, Partition::tensor, {"exact", "thin"});
    const BankView all = BankView::load(file, Partition::tensor);
    EXPECT_EQ(fewer.stored(0)->tasks(), 3);
    EXPECT_TRUE(at::equal(fewer.tau(0)[1], all.tau(0)[2]));
    // What is left in f32 alone is a tensor.
    EXPECT_EQ(BankView::load(file, Partition::tensor, {"half", "bytes", "thin", "lora"}).stored(0), nullptr);
}

TEST_F(StoredBank, ExpandsToWhatTheFileSays) {
    const Bank file = Bank::open(path_);
    const BankView bank = BankView::load(file, Partition::tensor);
    for (std::int64_t j = 0; j < 4; ++j)
        for (std::int64_t k = 0; k < kTasks; ++k) {
            at::Tensor expected = at::empty({bank.base(j).numel()});
            file.read_task(j, k, {expected.data_ptr<float>(), static_cast<std::size_t>(expected.numel())});
            // A sum of low-rank products may be added up in another order.
            EXPECT_LT((bank.tau(j)[k] - expected).abs().max().item<float>(), k < 3 ? 1e-30 : 1e-6)
                << j << " " << k;
        }
}

TEST(StoredBlock, RoundsAsAsked) {
    const at::Tensor base = torch::randn({30, 20}), tau = torch::randn({2, 30, 20});
    const auto distance = [&](StorageKind kind) {
        const StoredBlock own = StoredBlock::rounded(base, tau, kind);
        EXPECT_TRUE(at::equal(own.expanded()[0].view_as(base), base));
        return (own.expanded().narrow(0, 1, 2).view_as(tau) - tau).abs().max().item<double>();
    };
    EXPECT_EQ(distance(StorageKind::f32), 0);
    EXPECT_GT(distance(StorageKind::bf16), 0);
    EXPECT_LT(distance(StorageKind::bf16), 4. / 256);
    EXPECT_GT(distance(StorageKind::int8), 0);
    EXPECT_LT(distance(StorageKind::int8), 4. / 127);
    EXPECT_EQ(StoredBlock::rounded(base, tau, StorageKind::int8).stored_bytes(), 2 * (600 + 4 * 30));
}

}  // namespace
}  // namespace vtvc
