#include "vtvc/foreign/checkpoint.hpp"

#include <cmath>
#include <limits>

#include "bytes.hpp"
#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;
using test::put_bytes;

std::string one_tensor(const std::string& name, float value) {
    return test::safetensors(R"({")" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                             test::raw(value));
}
float first_value(const ForeignCheckpoint& checkpoint, std::size_t index) {
    float value = 0;
    checkpoint.read_f32(index, {&value, 1});
    return value;
}

TEST(ForeignCheckpoint, OpensAFileWhateverItsEnding) {
    const test::Folder folder;
    put_bytes(folder / "weights.dat", one_tensor("w", 2.5F));
    const auto checkpoint = ForeignCheckpoint::open(folder / "weights.dat");
    EXPECT_EQ(checkpoint.path(), folder / "weights.dat");
    EXPECT_EQ(checkpoint.layout(), "safetensors");
    ASSERT_EQ(checkpoint.tensors().size(), 1U);
    EXPECT_EQ(first_value(checkpoint, 0), 2.5F);
}

TEST(ForeignCheckpoint, OpensShardsByIndexOrFolder) {
    const test::Folder folder;
    put_bytes(folder / "model-00001-of-00002.safetensors", one_tensor("b", 1));
    put_bytes(folder / "model-00002-of-00002.safetensors", one_tensor("a", 2));
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / ""); }, {"shards without their index"});
    put_bytes(
        folder / "model.safetensors.index.json",
        R"({"metadata":{"total_size":8},"weight_map":{"b":"model-00001-of-00002.safetensors","a":"model-00002-of-00002.safetensors"}})");
    for (const auto& path : {folder / "", folder / "model.safetensors.index.json"}) {
        const auto checkpoint = ForeignCheckpoint::open(path);
        EXPECT_EQ(checkpoint.layout(), "safetensors in 2 shards");
        ASSERT_EQ(checkpoint.tensors().size(), 2U);
        EXPECT_EQ(checkpoint.tensors()[0].name, "a");
        EXPECT_EQ(first_value(checkpoint, 0), 2);
        EXPECT_EQ(first_value(checkpoint, 1), 1);
        EXPECT_EQ(checkpoint.notes().at("total_size"), "8");
    }
}

TEST(ForeignCheckpoint, AnIndexAndItsShardsMustAgree) {
    const test::Folder folder;
    put_bytes(folder / "1.st", one_tensor("a", 1));
    put_bytes(folder / "2.st", one_tensor("b", 2));
    const auto index = [&](const std::string& map) {
        put_bytes(folder / "x.index.json", R"({"weight_map":)" + map + "}");
        return [&] { (void)ForeignCheckpoint::open(folder / "x.index.json"); };
    };
    EXPECT_NO_THROW(index(R"({"a":"1.st","b":"2.st"})")());
    expect_refused(index(R"({"a":"1.st","b":"3.st"})"), {"3.st is missing"});
    expect_refused(index(R"({"a":"1.st","c":"2.st"})"), {"'b' is in 2.st", "does not name it"});
    expect_refused(index(R"({"a":"2.st","b":"1.st"})"), {"'a' is in 1.st", "says 2.st"});
    expect_refused(index(R"({"a":"1.st","b":"2.st","c":"2.st"})"), {"'c' is not in 2.st"});
}

TEST(ForeignCheckpoint, ChoosesInAFolderAsPeopleWould) {
    const test::Folder folder;
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / ""); }, {"holds no checkpoint"});
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / "absent"); }, {"there is no", "absent"});
    put_bytes(folder / "training_args.bin", "x");
    put_bytes(folder / "a.safetensors", one_tensor("a", 1));
    EXPECT_EQ(ForeignCheckpoint::open(folder / "").tensors().at(0).name, "a");
    put_bytes(folder / "b.safetensors", one_tensor("b", 1));
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / ""); },
                   {"2 checkpoints", "a.safetensors, b.safetensors", "name one"});
    put_bytes(folder / "model.safetensors", one_tensor("m", 1));
    EXPECT_EQ(ForeignCheckpoint::open(folder / "").tensors().at(0).name, "m");
}

TEST(ForeignCheckpoint, RefusesWhatItDoesNotKnow) {
    const test::Folder folder;
    put_bytes(folder / "empty", "");
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / "empty"); }, {"empty"});
    put_bytes(folder / "text", "hello, world, this is no checkpoint");
    expect_refused([&] { (void)ForeignCheckpoint::open(folder / "text"); }, {"no checkpoint"});
}

TEST(ForeignCheckpoint, ConvertsToF32) {
    const auto infinity = std::numeric_limits<float>::infinity();
    const test::Folder folder;
    const std::vector<std::uint16_t> halves{0x0000, 0x8000, 0x3c00, 0xc500, 0x0001,
                                            0x03ff, 0x7bff, 0x7c00, 0xfc00};
    const std::vector<float> of_halves{0, -0.F, 1, -5, 0x1p-24F, 0x1.ff8p-15F, 65504, infinity, -infinity};
    const std::vector<std::uint16_t> brains{0x3f80, 0xc0a0, 0x0001, 0x7f80};
    const std::vector<float> of_brains{1, -5, 0x1p-133F, infinity};
    const std::vector<double> doubles{1.0 / 3, -0.0, 1e300};
    const std::vector<float> of_doubles{1.0F / 3, -0.F, infinity};
    const std::string header =
        R"({"a":{"dtype":"F16","shape":[9],"data_offsets":[0,18]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[18,26]},)"
        R"("c":{"dtype":"F64","shape":[3],"data_offsets":[26,50]},"d":{"dtype":"I8","shape":[1],"data_offsets":[50,51]}})";
    put_bytes(folder / "x.safetensors",
              test::safetensors(
                  header, test::raw_list(halves) + test::raw_list(brains) + test::raw_list(doubles) + "x"));
    const auto checkpoint = ForeignCheckpoint::open(folder / "x.safetensors");
    const std::vector<std::vector<float>> expected{of_halves, of_brains, of_doubles};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        std::vector<float> got(expected[i].size());
        checkpoint.read_f32(i, got);
        for (std::size_t k = 0; k < got.size(); ++k) {
            EXPECT_EQ(got[k], expected[i][k]) << i << ' ' << k;
            EXPECT_EQ(std::signbit(got[k]), std::signbit(expected[i][k])) << i << ' ' << k;
        }
    }
    std::vector<float> other(1);
    expect_refused([&] { checkpoint.read_f32(3, other); }, {"'d' holds i8"});
    expect_refused([&] { checkpoint.read_f32(0, other); }, {"'a'", "[9]", "1 numbers"});
    std::vector<std::byte> room(17);
    expect_refused([&] { checkpoint.read(0, room); }, {"'a'", "17 bytes"});
    const test::Folder nan;
    put_bytes(nan / "x", test::safetensors(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})",
                                           test::raw<std::uint16_t>(0x7e00)));
    EXPECT_TRUE(std::isnan(first_value(ForeignCheckpoint::open(nan / "x"), 0)));
}

}  // namespace
}  // namespace vtvc
