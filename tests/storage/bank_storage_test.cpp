// The storage kinds of task vectors: what comes back, what it costs, what is said about the error.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "support.hpp"
#include "vtvc/core/random.hpp"
#include "vtvc/storage/bank_writer.hpp"

namespace vtvc {
namespace {

using test::expect_refused;
using Values = std::vector<float>;

Values normals(std::size_t count, std::uint64_t seed) {
    Stream stream(seed, Purpose::initialise, 0, 0);
    Values values(count);
    for (auto& value : values) value = static_cast<float>(stream.normal());
    return values;
}

double norm(const Values& values) {
    double sum = 0;
    for (const auto v : values) sum += static_cast<double>(v) * v;
    return std::sqrt(sum);
}

double distance(const Values& a, const Values& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double off = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += off * off;
    }
    return std::sqrt(sum);
}

/// A matrix [24, 40] and a vector [24], one task vector of each.
class BankStorage : public testing::Test {
  protected:
    BankPlan plan(TaskStorage storage) const {
        BankPlan made;
        made.base_hash = "base";
        made.notes = R"({"from":"a test"})";
        made.blocks = {{"matrix", {24, 5, 8}}, {"vector", {24}}};
        made.tasks = {{"task", "tuned", storage}};
        return made;
    }
    Bank bank_of(TaskStorage storage) const {
        BankWriter writer(path_, plan(storage));
        writer.put_base(0, Values(matrix_.size(), 1));
        writer.put_task(0, 0, matrix_);
        writer.put_base(1, Values(vector_.size(), 2));
        writer.put_task(1, 0, vector_);
        writer.finish();
        return Bank::open(path_);
    }
    static Values read(const Bank& bank, std::int64_t block) {
        Values values(static_cast<std::size_t>(bank.blocks()[static_cast<std::size_t>(block)].elements()));
        bank.read_task(block, 0, values);
        return values;
    }
    /// Rows read in pieces are the rows of the whole, and what the file says of its error is true.
    void expect_consistent(const Bank& bank) const {
        const auto whole = read(bank, 0);
        for (std::int64_t first = 0; first < 24; first += 7) {
            const auto count = std::min<std::int64_t>(5, 24 - first);
            Values rows(static_cast<std::size_t>(count * 40));
            bank.read_task_rows(0, 0, first, count, rows);
            EXPECT_TRUE(std::equal(rows.begin(), rows.end(), whole.begin() + first * 40)) << first;
        }
        const double error = std::hypot(distance(whole, matrix_), distance(read(bank, 1), vector_)) /
                             std::hypot(norm(matrix_), norm(vector_));
        EXPECT_NEAR(bank.rounding(0).overall, error, 1e-12);
        EXPECT_NEAR(bank.norm(0), std::hypot(norm(whole), norm(read(bank, 1))), 1e-12 * bank.norm(0));
    }

    test::Folder folder_;
    std::filesystem::path path_ = folder_ / "bank.h5";
    Values matrix_ = normals(24 * 40, 1), vector_ = normals(24, 2);
};

TEST_F(BankStorage, F32IsExact) {
    const auto bank = bank_of({});
    expect_consistent(bank);
    EXPECT_EQ(read(bank, 0), matrix_);
    EXPECT_EQ(read(bank, 1), vector_);
    EXPECT_EQ(bank.rounding(0).overall, 0);
    EXPECT_EQ(bank.rounding(0).worst_block, "");
    EXPECT_EQ(bank.stored_bytes(0), 4 * (matrix_.size() + vector_.size()));
    EXPECT_EQ(bank.task_hash(0), "tuned");
    EXPECT_EQ(bank.notes(), R"({"from":"a test"})");
}

TEST_F(BankStorage, Bf16RoundsToNearestEvenAndStaysFinite) {
    vector_[0] = 1 + 1.0F / 256;  // half-way: to even, 1
    vector_[1] = 1 + 3.0F / 256;  // half-way: to even, 1 + 2/128
    vector_[2] = 3.4e38F;         // would become infinite
    vector_[3] = -1.00391F;       // above half-way
    const auto bank = bank_of({StorageKind::bf16, 0});
    const auto back = read(bank, 1);
    EXPECT_EQ(back[0], 1);
    EXPECT_EQ(back[1], 1 + 2.0F / 128);
    EXPECT_EQ(back[2], 3.3895313892515355e38F);
    EXPECT_EQ(back[3], -(1 + 1.0F / 128));
    const auto whole = read(bank, 0);
    for (std::size_t i = 0; i < whole.size(); ++i)  // 8 bits: half a unit in the last place
        EXPECT_LE(std::abs(whole[i] - matrix_[i]), std::abs(matrix_[i]) / 256) << i;
    std::vector<std::uint16_t> raw(40);
    bank.read_bf16_rows(0, 0, 3, 1, raw);
    EXPECT_EQ(static_cast<float>(raw[0] >> 15), whole[120] < 0 ? 1 : 0);
    EXPECT_EQ(bank.stored_bytes(0), 2 * (matrix_.size() + vector_.size()));
}

TEST_F(BankStorage, Int8HasAScaleARow) {
    for (std::size_t i = 0; i < 40; ++i) matrix_[i] *= 1000, matrix_[40 + i] = 0;
    const auto bank = bank_of({StorageKind::int8, 0});
    expect_consistent(bank);
    std::vector<std::int8_t> raw(matrix_.size());
    Values scales(24);
    bank.read_int8_rows(0, 0, 0, 24, raw, scales);
    const auto whole = read(bank, 0);
    for (std::size_t row = 0; row < 24; ++row) {
        float largest = 0;
        for (std::size_t i = 40 * row; i < 40 * (row + 1); ++i) {
            largest = std::max(largest, std::abs(matrix_[i]));
            EXPECT_EQ(whole[i], static_cast<float>(raw[i]) * scales[row]);
            EXPECT_LE(std::abs(whole[i] - matrix_[i]), .5001F * scales[row]);
        }
        EXPECT_EQ(scales[row], largest / 127);
    }
    EXPECT_EQ(bank.storage(1, 0), StorageKind::f32);  // a scale for each number would make it larger
    EXPECT_EQ(read(bank, 1), vector_);
    EXPECT_EQ(bank.rounding(0).worst_block, "matrix");
    EXPECT_GT(bank.rounding(0).worst, 0);
}

TEST_F(BankStorage, LowRankIsTheBestOfItsRank) {
    // Of rank 4 and a little noise: what four factors leave is the noise's share outside them.
    const auto left = normals(24 * 4, 3), right = normals(4 * 40, 4), noise = normals(24 * 40, 5);
    for (std::size_t i = 0; i < 24; ++i)
        for (std::size_t j = 0; j < 40; ++j) {
            matrix_[i * 40 + j] = .01F * noise[i * 40 + j];
            for (std::size_t r = 0; r < 4; ++r) matrix_[i * 40 + j] += left[i * 4 + r] * right[r * 40 + j];
        }
    double previous = 1e9;
    for (const std::int64_t rank : {1, 2, 4, 6}) {
        const auto bank = bank_of({StorageKind::low_rank, rank});
        expect_consistent(bank);
        EXPECT_EQ(bank.storage(0, 0), StorageKind::low_rank);
        EXPECT_EQ(bank.storage(1, 0), StorageKind::f32);
        const auto parts = bank.read_factors(0, 0);
        ASSERT_EQ(parts.size(), 1U);
        EXPECT_EQ(parts[0].rank, rank);
        EXPECT_LT(bank.rounding(0).worst, previous);
        previous = bank.rounding(0).worst;
    }
    // Nothing of that rank is nearer: moving the factors a little in any of many directions only loses.
    const auto bank = bank_of({StorageKind::low_rank, 4});
    const double best = distance(read(bank, 0), matrix_);
    EXPECT_LT(best, .01 * norm(noise));
    const auto parts = bank.read_factors(0, 0);
    for (std::uint64_t seed = 10; seed < 20; ++seed) {
        auto moved = parts[0];
        const auto step = normals(moved.left.size(), seed);
        for (std::size_t i = 0; i < step.size(); ++i) moved.left[i] += 1e-3F * step[i];
        Values product(matrix_.size());
        for (std::size_t i = 0; i < 24; ++i)
            for (std::size_t r = 0; r < 4; ++r)
                for (std::size_t j = 0; j < 40; ++j)
                    product[i * 40 + j] += moved.left[i * 4 + r] * moved.right[r * 40 + j];
        EXPECT_GT(distance(product, matrix_), best);
    }
}

TEST_F(BankStorage, ARankThatSavesNothingIsStoredExactly) {
    const auto bank = bank_of({StorageKind::low_rank, 20});
    EXPECT_EQ(bank.storage(0, 0), StorageKind::f32);
    EXPECT_EQ(read(bank, 0), matrix_);
}

TEST_F(BankStorage, FactorsOnRowsOfABlockStayFactors) {
    Factors upper{0, 8, 2, normals(16, 6), normals(80, 7)}, lower{20, 4, 1, normals(4, 8), normals(40, 9)};
    {
        BankWriter writer(path_, plan({StorageKind::int8, 0}));
        writer.put_base(0, matrix_);
        writer.put_factors(0, 0, std::vector{upper, lower});
        writer.put_base(1, vector_);
        writer.put_factors(1, 0, {});
        writer.finish();
    }
    const auto bank = Bank::open(path_);
    const auto parts = bank.read_factors(0, 0);
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[0].left, upper.left);
    EXPECT_EQ(parts[1].right, lower.right);
    EXPECT_EQ(parts[1].first_row, 20);
    EXPECT_EQ(bank.storage(1, 0), StorageKind::zero);
    EXPECT_EQ(read(bank, 1), Values(24, 0));
    const auto whole = read(bank, 0);
    EXPECT_NEAR(whole[41], upper.left[2] * upper.right[1] + upper.left[3] * upper.right[41], 1e-6);
    EXPECT_EQ(whole[8 * 40], 0);
    EXPECT_EQ(whole[21 * 40 + 3], lower.left[1] * lower.right[3]);
    EXPECT_EQ(bank.rounding(0).overall, 0);
    Values rows(40);
    bank.read_task_rows(0, 0, 21, 1, rows);
    EXPECT_EQ(rows[3], whole[21 * 40 + 3]);
    expect_refused([&] { (void)bank.read_factors(1, 0); }, {"bank.h5", "'vector'", "zero", "lowrank"});
}

TEST_F(BankStorage, CosinesAreOfWhatIsStored) {
    auto two = plan({});
    two.tasks.push_back({"other", "", {}});
    two.tasks.push_back({"none", "", {}});
    BankWriter writer(path_, two);
    const Values base(960, 1), small(24, 1);
    Values half(960);
    for (std::size_t i = 0; i < half.size(); ++i) half[i] = i % 2 == 0 ? matrix_[i] : -matrix_[i];
    writer.put_base(0, base);
    writer.put_task(0, 1, half);
    writer.put_task(0, 0, matrix_);
    writer.put_factors(0, 2, {});
    writer.put_base(1, small);
    for (std::int64_t k = 0; k < 3; ++k) writer.put_factors(1, k, {});
    writer.finish();
    const auto bank = Bank::open(path_);
    const double product = std::inner_product(half.begin(), half.end(), matrix_.begin(), 0.0);
    EXPECT_NEAR(bank.cosine(0, 1), product / (norm(half) * norm(matrix_)), 1e-5);
    EXPECT_EQ(bank.cosine(0, 1), bank.cosine(1, 0));
    EXPECT_EQ(bank.cosine(0, 2), 0);
    EXPECT_EQ(bank.norm(2), 0);
}

TEST_F(BankStorage, H5pyReadsEveryKind) {
    if (std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0)
        GTEST_SKIP() << "Debian's python3-h5py is not installed (./setup.sh brings it)";
    for (const auto& [kind, rank] :
         std::vector<std::pair<StorageKind, std::int64_t>>{{StorageKind::f32, 0},
                                                           {StorageKind::bf16, 0},
                                                           {StorageKind::int8, 0},
                                                           {StorageKind::low_rank, 3}}) {
        const auto bank = bank_of({kind, rank});
        const auto out = (folder_ / "out").string();
        ASSERT_EQ(std::system(
                      ("/usr/bin/python3 " VTVC_TEST_SOURCE_DIR "/read_bank.py " + path_.string() + " " + out)
                          .c_str()),
                  0);
        const auto bytes = test::bytes_of(out);
        ASSERT_EQ(bytes.size(), 4 * (matrix_.size() + vector_.size()));
        Values read_there(matrix_.size() + vector_.size());
        std::memcpy(read_there.data(), bytes.data(), bytes.size());
        auto read_here = read(bank, 0);
        const auto vector = read(bank, 1);
        read_here.insert(read_here.end(), vector.begin(), vector.end());
        for (std::size_t i = 0; i < read_here.size();
             ++i)  // products of factors may be summed in another order
            EXPECT_NEAR(read_there[i], read_here[i], kind == StorageKind::low_rank ? 1e-5 : 0)
                << name_of(kind) << " element " << i;
    }
}

TEST_F(BankStorage, TheWriterRefusesWhatDoesNotFit) {
    BankWriter writer(path_, plan({}));
    expect_refused([&] { writer.put_task(0, 0, matrix_); }, {"bank.h5", "base comes first"});
    expect_refused([&] { writer.put_base(1, vector_); }, {"block 1", "their order"});
    expect_refused([&] { writer.put_base(0, vector_); }, {"'matrix'", "24 numbers", "[24, 5, 8]"});
}

TEST_F(BankStorage, TheWriterWantsEveryPiece) {
    BankWriter writer(path_, plan({}));
    writer.put_base(0, matrix_);
    auto spoilt = matrix_;
    spoilt[7] = NAN;
    expect_refused([&] { writer.put_task(0, 1, matrix_); }, {"task 1", "has 1"});
    writer.put_task(0, 0, matrix_);
    expect_refused([&] { writer.put_task(0, 0, matrix_); }, {"'task'", "twice", "'matrix'"});
    expect_refused([&] { writer.finish(); }, {"1 of 2 blocks"});
    writer.put_base(1, vector_);
    expect_refused([&] { writer.finish(); }, {"'task'", "not given", "'vector'"});
    expect_refused([&] { writer.put_task(1, 0, Values(24, INFINITY)); }, {"'task'", "'vector'", "inf"});
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(BankStorage, ThePlanIsChecked) {
    const auto refused = [&](auto change, const std::vector<std::string>& parts) {
        auto changed = plan({});
        change(changed);
        expect_refused([&] { BankWriter(path_, changed); }, parts);
    };
    refused([](BankPlan& p) { p.tasks[0].name = "a/b"; }, {"'a/b'", "slashes"});
    refused([](BankPlan& p) { p.tasks[0].name = ".."; }, {"'..'"});
    refused([](BankPlan& p) { p.tasks.push_back(p.tasks[0]); }, {"'task' is named twice"});
    refused([](BankPlan& p) { p.blocks.push_back(p.blocks[0]); }, {"'matrix' is named twice"});
    refused([](BankPlan& p) { p.blocks.clear(); }, {"one block at least"});
    refused([](BankPlan& p) { p.tasks[0].storage = {StorageKind::low_rank, 0}; }, {"rank 0"});
    refused([](BankPlan& p) { p.notes = "{"; }, {"JSON"});
    EXPECT_EQ(folder_.files(), 0U);
}

}  // namespace
}  // namespace vtvc
