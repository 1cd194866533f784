// Checkpoints made by the real packages (tests/golden/make_checkpoints.py), and the real weights among the
// shared files where they are at hand.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kFolder =
    fs::path(VTVC_TEST_SOURCE_DIR).parent_path().parent_path() / "golden" / "checkpoints";

json expectations() { return json::parse(std::ifstream(kFolder / "expected.json")); }

std::string content(const ForeignCheckpoint& checkpoint, std::size_t index) {
    const auto& tensor = checkpoint.tensors()[index];
    std::string bytes(static_cast<std::size_t>(tensor.elements()) * size_of(tensor.type), '\0');
    checkpoint.read(index, std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

std::string hex(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

void expect_same(const ForeignCheckpoint& checkpoint, const json& expected) {
    if (expected["layout"].is_string()) {
        EXPECT_EQ(checkpoint.layout(), expected["layout"]);
    }
    std::vector<std::string> names, wanted;
    names.reserve(checkpoint.tensors().size());
    for (const auto& tensor : checkpoint.tensors()) names.push_back(tensor.name);
    for (const auto& [name, tensor] : expected["tensors"].items()) wanted.push_back(name);
    ASSERT_EQ(names, wanted);  // json objects are sorted, as tensors() is
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& tensor = checkpoint.tensors()[i];
        const auto& as = expected["tensors"][names[i]];
        EXPECT_EQ(name_of(tensor.type), as["type"]) << names[i];
        EXPECT_EQ(tensor.shape, as["shape"].get<std::vector<std::int64_t>>()) << names[i];
        EXPECT_EQ(hex(content(checkpoint, i)), as["bytes"]) << names[i];
    }
    for (const auto& [key, value] : expected["notes"].items()) {
        const auto found = checkpoint.notes().find(key);
        ASSERT_NE(found, checkpoint.notes().end()) << key;
        EXPECT_EQ(found->second, value) << key;
    }
}

TEST(GoldenCheckpoints, AreReadAsThePackagesReadThem) {
    int read = 0;
    const json all = expectations();
    for (const auto& [file, expected] : all.items()) {
        if (expected.contains("refused")) continue;
        SCOPED_TRACE(file);
        expect_same(ForeignCheckpoint::open(kFolder / file), expected);
        ++read;
    }
    EXPECT_GE(read, 14);
}

TEST(GoldenCheckpoints, KindsThatAreNotReadSayWhy) {
    int refused = 0;
    const json all = expectations();
    for (const auto& [file, expected] : all.items()) {
        if (!expected.contains("refused")) continue;
        SCOPED_TRACE(file);
        auto words = expected["refused"].get<std::vector<std::string>>();
        words.push_back(file);
        test::expect_refused([&, &name = file] { (void)ForeignCheckpoint::open(kFolder / name); }, words);
        ++refused;
    }
    EXPECT_GE(refused, 7);
}

TEST(GoldenCheckpoints, ADamagedStorageIsSeenWhenItIsRead) {
    const test::Folder folder;
    auto bytes = test::bytes_of(kFolder / "one_tensor.pt");
    const auto at = bytes.find(std::string("\x00\x00\x00\xc0\x00\x00\x80\x3f", 8));
    ASSERT_NE(at, std::string::npos);
    bytes[at + 3] = '\x40';
    test::put_bytes(folder / "x.pt", bytes);
    const auto checkpoint = ForeignCheckpoint::open(folder / "x.pt");
    test::expect_refused([&] { (void)content(checkpoint, 0); }, {"x.pt", "damaged", "CRC"});
}

/// The files shared with this machine, or an empty path.
fs::path shared_weights() {
    if (const char* given = std::getenv("VTVC_SHARED"); given != nullptr) return fs::path(given) / "weights";
    const auto beside = fs::path(VTVC_TEST_SOURCE_DIR) / ".." / ".." / ".." / ".." / "shared" / "weights";
    std::error_code absent;
    return fs::is_directory(beside, absent) ? beside : fs::path();
}

TEST(RealWeights, BothFilesOfEachGiveTheSameBytes) {
    const auto folder = shared_weights();
    if (folder.empty())
        GTEST_SKIP() << "no shared weights here (VTVC_SHARED, or ../shared beside the checkout)";
    for (const auto& [name, count] : {std::pair{"vit_cifar10_smmk47", 80}, std::pair{"vit_mnist_ee340", 82},
                                      std::pair{"vit_mnist_tiny", 0}}) {
        SCOPED_TRACE(name);
        const auto a = ForeignCheckpoint::open(folder / (std::string(name) + ".pth"));
        const auto b = ForeignCheckpoint::open(folder / (std::string(name) + ".safetensors"));
        if (count > 0) {
            EXPECT_EQ(a.tensors().size(), static_cast<std::size_t>(count));
        }
        ASSERT_EQ(a.tensors().size(), b.tensors().size());
        for (std::size_t i = 0; i < a.tensors().size(); ++i) {
            EXPECT_EQ(a.tensors()[i].name, b.tensors()[i].name);
            EXPECT_EQ(a.tensors()[i].type, b.tensors()[i].type);
            EXPECT_EQ(a.tensors()[i].shape, b.tensors()[i].shape);
            EXPECT_EQ(content(a, i), content(b, i)) << a.tensors()[i].name;
        }
    }
}

}  // namespace
}  // namespace vtvc
