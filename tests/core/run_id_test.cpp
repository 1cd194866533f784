#include <gtest/gtest.h>

#include "job_samples.hpp"
#include "vtvc/core/job_file.hpp"

namespace vtvc {
namespace {

std::string constant_hash(const std::string&) { return "00112233445566778899aabbccddeeff"; }
std::string name_hash(const std::string& path) { return "hash of " + path; }

/// A changed value means that finished runs of this kind are not found again. If the keys changed, write the
/// new value down; if results change for the same keys, raise the kind's results_number() and then write it
/// down.
TEST(RunId, IsTheOneWrittenDownForEachKind) {
    const std::map<std::string, std::string> golden{
        {"pretrain", "a59e27f6ac88e64d"},  {"head", "41d4aa85a3e6805a"},     {"finetune", "c9aaed8049c50986"},
        {"bank", "30aca79ac5274744"},      {"features", "f8367ea45cf426f4"}, {"jacobian", "9810116990efa1ce"},
        {"posterior", "89e36c8c67d6e72a"}, {"baseline", "32034f60b4940109"}, {"evaluate", "de8c1984b26548f0"},
        {"predict", "889fbbd2b5fa697c"},   {"bench", "b0330d327c610fbe"},
    };
    std::map<std::string, std::string> now;
    for (const std::string& kind : job_kinds()) now[kind] = run_id(*testing::filled_job(kind), constant_hash);
    EXPECT_EQ(now, golden);
}

TEST(RunId, IsSixteenHexadecimalDigits) {
    const std::string id = run_id(*testing::filled_job("bank"), constant_hash);
    EXPECT_EQ(id.size(), 16u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

/// Changes one key, the index-th that is described, and says what it was.
class ChangeOne final : public testing::EachKey {
  public:
    explicit ChangeOne(int index) : left_(index) {}
    Role role = Role::science;
    std::string name;
    bool was_empty = false;  ///< texts only

    template <class T, class F>
    void visit(std::string_view key_name, T& value, const Key& about, F change) {
        if (left_-- != 0) return;
        change(value);
        role = about.role;
        name = full(key_name);
    }
    void key(std::string_view n, bool& v, const Key& k) override {
        visit(n, v, k, [](bool& x) { x = !x; });
    }
    void key(std::string_view n, std::int64_t& v, const Key& k) override {
        visit(n, v, k, [](std::int64_t& x) { ++x; });
    }
    void key(std::string_view n, double& v, const Key& k) override {
        visit(n, v, k, [](double& x) { x = std::nextafter(x, 10.0); });
    }
    void key(std::string_view n, std::string& v, const Key& k) override {
        visit(n, v, k, [this](std::string& x) {
            was_empty = x.empty();
            x += "x";
        });
    }
    void key(std::string_view n, std::vector<std::int64_t>& v, const Key& k) override {
        visit(n, v, k, [](auto& x) { x.push_back(1); });
    }
    void key(std::string_view n, std::vector<double>& v, const Key& k) override {
        visit(n, v, k, [](auto& x) { x.push_back(.5); });
    }
    void key(std::string_view n, std::vector<std::string>& v, const Key& k) override {
        visit(n, v, k, [](auto& x) { x.push_back("x"); });
    }
    void choice(std::string_view n, int& v, std::span<const std::string_view> names, const Key& k) override {
        visit(n, v, k, [&](int& x) { x = (x + 1) % static_cast<int>(names.size()); });
    }

  private:
    int left_;
};

TEST(RunId, DependsOnEveryScienceKeyAndNoExecutionKey) {
    for (const std::string& kind : job_kinds()) {
        const std::string before = run_id(*testing::filled_job(kind), constant_hash);
        for (int index = 0;; ++index) {
            const auto job = testing::filled_job(kind);
            ChangeOne change(index);
            job->describe(change);
            if (change.name.empty()) break;
            const std::string after = run_id(*job, constant_hash);
            // An input that was there has the same content in another place; one that was empty is now there.
            const bool same =
                change.role == Role::execution || (change.role == Role::input && !change.was_empty);
            EXPECT_EQ(after == before, same) << kind << " " << change.name;
        }
    }
}

TEST(RunId, DependsOnTheContentOfInputs) {
    const auto job = testing::filled_job("features");
    EXPECT_NE(run_id(*job, name_hash), run_id(*job, constant_hash));
}

TEST(RunId, DependsOnTheResultsNumber) {
    struct Raised : FeaturesJob {
        int results_number() const override { return FeaturesJob::results_number() + 1; }
    };
    EXPECT_NE(run_id(Raised(), constant_hash), run_id(FeaturesJob(), constant_hash));
}

TEST(RunId, OfARowDependsOnItsIndex) {
    BankJob one, other;
    one.tasks = {{"a", "/m"}, {"b", "/n"}};
    other.tasks = {{"b", "/n"}, {"a", "/m"}};
    EXPECT_NE(run_id(one, name_hash), run_id(other, name_hash));
}

}  // namespace
}  // namespace vtvc
