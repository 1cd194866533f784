// verify_file: what is damaged is named, and so is what is still good.
#include "vtvc/storage/verify.hpp"

#include <algorithm>
#include <cstring>

#include "support.hpp"
#include "vtvc/storage/bank_writer.hpp"

namespace vtvc {
namespace {

class Verify : public testing::Test {
  protected:
    Verify() {
        BankPlan plan;
        plan.blocks = {{"large", {300, 100}}, {"small", {8}}};
        plan.tasks = {{"greek", "", {}}, {"digits", "", {StorageKind::int8, 0}}};
        BankWriter writer(path_, plan);
        for (std::int64_t j = 0; j < 2; ++j) {
            std::vector<float> values(
                static_cast<std::size_t>(plan.blocks[static_cast<std::size_t>(j)].elements()));
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
            writer.put_base(j, values);
            for (auto& value : values) value *= 1.5F;
            for (std::int64_t k = 0; k < 2; ++k) writer.put_task(j, k, values);
        }
        writer.finish();
    }
    /// Where an f32 number lies for the first time.
    std::size_t place_of(float number) const {
        char raw[4];
        std::memcpy(raw, &number, 4);
        return test::bytes_of(path_).find(std::string(raw, 4));
    }
    void flip(std::size_t at) const {
        auto bytes = test::bytes_of(path_);
        bytes.at(at) = static_cast<char>(~bytes.at(at));
        test::put_bytes(path_, bytes);
    }
    static std::vector<std::string> damaged(const FileReport& report) {
        std::vector<std::string> names;
        for (const auto& part : report.parts)
            if (!part.problem.empty()) names.push_back(part.name);
        return names;
    }

    test::Folder folder_;
    std::filesystem::path path_ = folder_ / "bank.h5";
};

TEST_F(Verify, AnIntactFileIsWhole) {
    for (const int threads : {1, 3}) {
        const auto report = verify_file(path_, threads);
        EXPECT_TRUE(report.whole());
        EXPECT_EQ(report.kind, "bank");
        EXPECT_EQ(report.hash, Bank::open(path_).hash());
        EXPECT_EQ(damaged(report), std::vector<std::string>());
        EXPECT_GT(report.bytes(), 4U * 300 * 100 * 2);
    }
}

TEST_F(Verify, NamesEveryDamagedPartAndKeepsTheOthers) {
    flip(place_of(20'000));         // in the base only
    flip(place_of(1.5F * 29'999));  // in greek only: digits is stored as int8
    for (const int threads : {1, 4}) {
        const auto report = verify_file(path_, threads);
        EXPECT_FALSE(report.whole());
        EXPECT_EQ(report.damage, "");
        EXPECT_EQ(damaged(report), (std::vector<std::string>{"base/large", "tasks/greek/large"}));
        EXPECT_GE(report.parts.size(), 12U);
    }
    std::vector<float> values(8);
    Bank::open(path_).read_base(1, values);  // the good ones can still be read
    EXPECT_EQ(values[7], 8);
}

TEST_F(Verify, DamagedTablesAreToldApartFromData) {
    const auto whole = test::bytes_of(path_);
    const auto name = whole.rfind("task_hashes");  // a name in HDF5's tables or in the index
    flip(name);
    const auto report = verify_file(path_, 2);
    EXPECT_FALSE(report.whole());
    EXPECT_NE(report.damage, "");
    EXPECT_EQ(damaged(report), std::vector<std::string>());
    test::expect_refused([&] { (void)Bank::open(path_); }, {"bank.h5", "vtvc verify"});
}

TEST_F(Verify, ACutFileSaysSo) {
    auto bytes = test::bytes_of(path_);
    test::put_bytes(path_, bytes.substr(0, bytes.size() / 2));
    const auto report = verify_file(path_, 2);
    EXPECT_FALSE(report.whole());
    EXPECT_NE(report.damage.find("bank.h5"), std::string::npos);
    test::put_bytes(path_, "short");
    test::expect_refused([&] { (void)verify_file(path_, 1); }, {"bank.h5", "not an HDF5 file"});
}

}  // namespace
}  // namespace vtvc
