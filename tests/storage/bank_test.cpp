#include "vtvc/storage/bank.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;
using Json = nlohmann::json;

/// A base of two blocks, w [2, 2] and b [2], and two networks fine-tuned from it.
class BankTest : public testing::Test {
  protected:
    BankTest() {
        base_ = network({1, 2, 3, 4}, {10, 20});
        base_.write(folder_ / "base.h5");
        save("one", network({1.5F, 2, 3, 3}, {10, 21}));
        save("two", network({1, 2, 5, 4}, {10, 20}));
    }

    static TensorFile network(const std::vector<float>& w, const std::vector<float>& b) {
        TensorFile file;
        file.kind = "model";
        file.meta = R"({"model":{"width":2,"depth":1},"blocks":["w","b"]})";
        file.tensors["w"] = HostTensor::of<float>({2, 2}, w);
        file.tensors["b"] = HostTensor::of<float>({2}, b);
        return file;
    }
    void save(const std::string& name, TensorFile file) {
        auto meta = Json::parse(file.meta);
        if (!meta.contains("base_hash")) meta["base_hash"] = base_.content_hash();
        file.meta = meta.dump();
        file.write(folder_ / (name + ".h5"));
    }
    void build(const std::vector<std::string>& tasks, std::int64_t random_vectors = 0, std::uint64_t seed = 0,
               TaskStorage storage = {}) {
        std::vector<std::pair<std::string, std::filesystem::path>> files;
        files.reserve(tasks.size());
        for (const auto& name : tasks) files.emplace_back(name, folder_ / (name + ".h5"));
        build_bank(folder_ / "bank.h5", folder_ / "base.h5", files, {random_vectors, seed, storage});
    }
    Bank open() const { return Bank::open(folder_ / "bank.h5"); }
    static std::vector<float> task(const Bank& bank, std::int64_t block, std::int64_t k) {
        std::vector<float> values(
            static_cast<std::size_t>(bank.blocks()[static_cast<std::size_t>(block)].elements()));
        bank.read_task(block, k, values);
        return values;
    }

    test::Folder folder_;
    TensorFile base_;
};

TEST_F(BankTest, HoldsTheDifferences) {
    build({"one", "two"});
    const auto bank = open();
    EXPECT_EQ(bank.task_names(), (std::vector<std::string>{"one", "two"}));
    ASSERT_EQ(bank.blocks().size(), 2U);
    EXPECT_EQ(bank.blocks()[0].name, "w");  // the order of meta, not of the alphabet
    EXPECT_EQ(bank.blocks()[0].shape, (std::vector<std::int64_t>{2, 2}));
    EXPECT_EQ(bank.blocks()[1].name, "b");
    EXPECT_EQ(bank.base_hash(), base_.content_hash());
    EXPECT_EQ(bank.hash(), content_hash_of(bank.path()));
    EXPECT_EQ(Json::parse(bank.model_meta()), Json::parse(R"({"width":2,"depth":1})"));
    std::vector<float> w(4);
    bank.read_base(0, w);
    EXPECT_EQ(w, (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(task(bank, 0, 0), (std::vector<float>{.5F, 0, 0, -1}));
    EXPECT_EQ(task(bank, 1, 0), (std::vector<float>{0, 1}));
    EXPECT_EQ(task(bank, 0, 1), (std::vector<float>{0, 0, 2, 0}));
    EXPECT_EQ(task(bank, 1, 1), (std::vector<float>{0, 0}));
    EXPECT_DOUBLE_EQ(bank.norm(0), 1.5);
    EXPECT_DOUBLE_EQ(bank.norm(1), 2);
    EXPECT_DOUBLE_EQ(bank.base_norm(), std::sqrt(530.0));
}

TEST_F(BankTest, BlocksWithoutAGivenOrderAreSorted) {
    auto plain = network({1, 2, 3, 4}, {10, 20});
    plain.meta = R"({"model":{"width":2,"depth":1}})";
    base_ = plain;
    base_.write(folder_ / "base.h5");
    save("one", plain);
    build({"one"});
    EXPECT_EQ(open().blocks()[0].name, "b");
}

TEST_F(BankTest, WholeNumbersHaveNoTaskVector) {
    const std::vector<std::int64_t> counter{3};
    base_.tensors["counter"] = HostTensor::of<std::int64_t>({}, counter);
    base_.write(folder_ / "base.h5");
    save("one", network({1, 1, 1, 1}, {1, 1}));
    build({"one"});
    EXPECT_EQ(open().blocks().size(), 2U);
}

TEST_F(BankTest, RandomVectorsHaveTheMeanNormOfEachBlockAndDependOnTheSeedAlone) {
    build({"one", "two"}, 2, 7);
    const auto first = open();
    ASSERT_EQ(first.task_names(), (std::vector<std::string>{"one", "two", "random1", "random2"}));
    for (std::int64_t block = 0; block < 2; ++block) {
        const auto norm = [&](std::int64_t k) {
            double sum = 0;
            for (const auto v : task(first, block, k)) sum += static_cast<double>(v) * v;
            return std::sqrt(sum);
        };
        for (const std::int64_t k : {2, 3})  // float rounding of a handful of elements
            EXPECT_NEAR(norm(k), (norm(0) + norm(1)) / 2, 1e-6);
    }
    EXPECT_NE(task(first, 0, 2), task(first, 0, 3));
    const auto seven = first.hash();
    build({"one", "two"}, 2, 7);
    EXPECT_EQ(open().hash(), seven);
    build({"one", "two"}, 2, 8);
    EXPECT_NE(open().hash(), seven);
}

TEST_F(BankTest, RefusesWhatDoesNotFitTheBase) {
    auto other = network({1, 2, 3, 4}, {10, 20});
    other.tensors.erase("b");
    save("lacks", other);
    expect_refused([&] { build({"one", "lacks"}); }, {"lacks.h5", "lacks tensor 'b'", "[2]"});

    other = network({1, 2, 3, 4}, {10, 20});
    other.tensors["extra"] = other.tensors.at("b");
    save("more", other);
    expect_refused([&] { build({"more"}); }, {"more.h5", "'extra'", "[2]"});

    other = network({1, 2, 3, 4}, {10, 20});
    other.tensors["w"].shape = {4, 1};
    save("shape", other);
    expect_refused([&] { build({"shape"}); }, {"shape.h5", "'w'", "[4, 1]", "[2, 2]"});

    other = network({1, 2, 3, 4}, {10, 20});
    other.meta = R"({"model":{"width":2,"depth":9},"blocks":["w","b"]})";
    save("architecture", other);
    expect_refused([&] { build({"architecture"}); }, {"architecture.h5", R"("depth":9)", R"("depth":1)"});

    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        save("spoilt", network({1, 2, 3, bad}, {10, 20}));
        expect_refused([&] { build({"spoilt"}); }, {"spoilt.h5", "'w'", "element 3"});
    }
}

TEST_F(BankTest, RefusesModelsOfAnotherBase) {
    auto other = network({1, 2, 3, 4}, {10, 20});
    other.meta = R"({"model":{"width":2,"depth":1},"blocks":["w","b"],"base_hash":"feed"})";
    save("stranger", other);
    expect_refused([&] { build({"stranger"}); },
                   {"stranger.h5", "another base", "feed", base_.content_hash()});
    expect_refused([&] { build({"base"}); }, {"base.h5", "records no base"});
}

TEST_F(BankTest, RefusesBadListsOfTasks) {
    expect_refused([&] { build({}); }, {"one task"});
    expect_refused([&] { build({"one", "one"}); }, {"'one' is named twice"});
    expect_refused([&] { build({"one"}, -1); }, {"negative"});
    save("random1", network({1, 2, 3, 4}, {10, 21}));
    expect_refused([&] { build({"random1"}, 1); }, {"'random1' is named twice"});
    EXPECT_FALSE(std::filesystem::exists(folder_ / "bank.h5"));
}

TEST_F(BankTest, RefusesABlockListThatIsNotTheTensors) {
    base_.meta = R"({"blocks":["w","w"]})";
    base_.write(folder_ / "base.h5");
    expect_refused([&] { build({"one"}); }, {"base.h5", "blocks listed"});
}

TEST_F(BankTest, ReadingChecksIndicesAndRoom) {
    build({"one"});
    const auto bank = open();
    std::vector<float> room(4);
    expect_refused([&] { bank.read_base(2, room); }, {"bank.h5", "block 2"});
    expect_refused([&] { bank.read_task(0, 1, room); }, {"bank.h5", "task vector 1"});
    expect_refused([&] { bank.read_task(0, -1, room); }, {"task vector -1"});
    expect_refused([&] { bank.read_task(1, 0, room); }, {"block 'b'", "2 numbers", "room for 4"});
}

}  // namespace
}  // namespace vtvc
