#include "vtvc/storage/jacobian.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

class EachStore : public testing::TestWithParam<JacobianStore> {};
INSTANTIATE_TEST_SUITE_P(Jacobians, EachStore,
                         testing::Values(JacobianStore::f32, JacobianStore::bf16, JacobianStore::int8),
                         [](const auto& about) { return name_of(about.param); });

TEST_P(EachStore, ReadsBackWhatWasWrittenWithinItsError) {
    const test::Folder folder;
    test::write_jacobian(folder / "j.h5", GetParam());
    const auto jacobian = Jacobian::open(folder / "j.h5");
    EXPECT_EQ(jacobian.hash(), content_hash_of(folder / "j.h5"));
    EXPECT_EQ(jacobian.rows(Split::train), 5);
    EXPECT_EQ(jacobian.rows(Split::validation), 2);
    EXPECT_EQ(jacobian.rows(Split::test), 0);
    const auto& about = jacobian.about();
    EXPECT_EQ(about.origin.task_names, (std::vector<std::string>{"greek", "digits"}));
    EXPECT_EQ(about.coefficient_names.size(), 3U);
    EXPECT_EQ(about.centre, test::small_jacobian().centre);
    EXPECT_EQ(about.store, GetParam());
    const auto rows = jacobian.read(Split::train);
    EXPECT_EQ(rows.ids, (std::vector<std::int64_t>{0, 10, 20, 30, 40}));
    EXPECT_EQ(rows.logits[2], 1);
    const auto expected = test::jacobian_values(5, .37F), found = jacobian.floats(rows);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t segment = 0; segment < expected.size(); segment += 3) {
        float largest = 0;
        for (std::size_t i = segment; i < segment + 3; ++i)
            largest = std::max(largest, std::abs(expected[i]));
        for (std::size_t i = segment; i < segment + 3; ++i) {
            const float bound = GetParam() == JacobianStore::f32    ? 0
                                : GetParam() == JacobianStore::bf16 ? std::abs(expected[i]) / 256
                                                                    : largest / 254 * 1.0001F;
            EXPECT_LE(std::abs(found[i] - expected[i]), bound) << i;
        }
    }
    EXPECT_EQ(rows.numbers.size() + 4 * rows.scales.size() + 4 * rows.logits.size() + 8 * rows.ids.size(),
              static_cast<std::size_t>(5 * about.row_bytes()));
    EXPECT_EQ(jacobian.floats(jacobian.read(Split::validation)).size(), 24U);
}

TEST(Jacobian, RefusesThatOfAnythingElseAndNamesBoth) {
    const test::Folder folder;
    test::write_jacobian(folder / "j.h5", JacobianStore::f32);
    const auto jacobian = Jacobian::open(folder / "j.h5");
    const auto origin = test::small_jacobian().origin;
    EXPECT_NO_THROW(jacobian.expect(origin));
    const auto refused = [&](const char* what, std::string JacobianOrigin::*part) {
        auto other = origin;
        other.*part = "changed";
        expect_refused([&] { jacobian.expect(other); },
                       {"j.h5", what, "changed", origin.*part, "compute the Jacobian again"});
    };
    refused("base", &JacobianOrigin::base_hash);
    refused("bank", &JacobianOrigin::bank_hash);
    refused("data set", &JacobianOrigin::dataset_hash);
    refused("head", &JacobianOrigin::head_hash);
    refused("partition", &JacobianOrigin::partition);
    auto fewer = origin;
    fewer.task_names.pop_back();
    expect_refused([&] { jacobian.expect(fewer); }, {"j.h5", "task vectors", "greek, digits"});
}

TEST(Jacobian, OneReplacedAfterItWasOpenedIsRefused) {
    const test::Folder folder;
    test::write_jacobian(folder / "j.h5", JacobianStore::f32);
    const auto jacobian = Jacobian::open(folder / "j.h5");
    test::write_jacobian(folder / "j.h5", JacobianStore::f32, .5F);
    expect_refused([&] { (void)jacobian.read(Split::train); }, {"j.h5", "replaced", jacobian.hash()});
}

TEST(Jacobian, RefusesRowsThatDoNotFit) {
    const test::Folder folder;
    const std::vector<std::int64_t> ids{1};
    const std::vector<float> logits{0, 1};
    auto values = test::jacobian_values(1, 1);
    JacobianWriter writer(folder / "j.h5", test::small_jacobian(), 1, 0);
    expect_refused([&] { writer.append(Split::test, ids, logits, values); }, {"test split"});
    expect_refused([&] { writer.append(Split::train, ids, logits, std::span(values).first(11)); },
                   {"11 derivatives"});
    values[3] = std::numeric_limits<float>::quiet_NaN();
    expect_refused([&] { writer.append(Split::train, ids, logits, values); }, {"not a number", "train"});
    expect_refused([&] { writer.finish(); }, {"train/jacobian"});  // a row is missing
    EXPECT_EQ(std::filesystem::exists(folder / "j.h5"), false);
    auto empty = test::small_jacobian();
    empty.centre.pop_back();
    expect_refused([&] { JacobianWriter(folder / "k.h5", empty, 1, 0); }, {"k.h5", "5 numbers"});
}

}  // namespace
}  // namespace vtvc
