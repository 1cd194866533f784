#include "vtvc/foreign/npy.hpp"

#include <fmt/ranges.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "npy_header.hpp"
#include "support.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_refused;

const fs::path kFolder = fs::path(VTVC_TEST_SOURCE_DIR).parent_path().parent_path() / "golden" / "arrays";

std::string hex_of(const NumpyFile& file, std::size_t index) {
    const auto& array = file.arrays()[index];
    std::vector<std::byte> bytes(static_cast<std::size_t>(array.elements()) * size_of(array.type));
    file.read(index, bytes);
    std::string text;
    for (const auto byte : bytes) text += fmt::format("{:02x}", std::to_integer<int>(byte));
    return text;
}

/// An npy file of version 1 with this header and these data.
std::string npy(const std::string& header, const std::string& data) {
    const auto length = static_cast<std::uint16_t>(header.size());
    return "\x93NUMPY\x01" + std::string(1, '\0') + static_cast<char>(length & 0xffU) +
           static_cast<char>(length >> 8U) + header + data;
}

TEST(Numpy, ReadsWhatNumpyWrites) {
    const auto all = json::parse(std::ifstream(kFolder / "expected.json"));
    int read = 0, refused = 0;
    for (const auto& [name, expected] : all.items()) {
        SCOPED_TRACE(name);
        if (expected.contains("refused")) {
            expect_refused([&, &file = name] { (void)NumpyFile::open(kFolder / file); },
                           expected["refused"].get<std::vector<std::string>>());
            ++refused;
            continue;
        }
        const auto file = NumpyFile::open(kFolder / name);
        ASSERT_EQ(file.arrays().size(), expected["arrays"].size());
        for (const auto& [array, values] : expected["arrays"].items()) {
            const auto index = file.find(array);
            EXPECT_EQ(name_of(file.arrays()[index].type), values["type"]) << array;
            EXPECT_EQ(file.arrays()[index].shape, values["shape"].get<std::vector<std::int64_t>>()) << array;
            EXPECT_EQ(hex_of(file, index), values["bytes"]) << array;
        }
        ++read;
    }
    EXPECT_GE(read, 9);
    EXPECT_GE(refused, 5);
}

class NumpyHeader : public testing::Test {
  protected:
    void refused(const std::string& bytes, std::vector<std::string> parts) {
        test::put_bytes(folder_ / "x.npy", bytes);
        parts.emplace_back("x.npy");
        expect_refused([&] { (void)NumpyFile::open(folder_ / "x.npy"); }, parts);
    }
    void header_refused(const std::string& header, std::vector<std::string> parts) {
        refused(npy(header, "12345678"), std::move(parts));
    }
    test::Folder folder_;
};

TEST(Numpy, AnArrayInFortransOrderIsTurnedInMemoryUpToAGibibyte) {
    const test::Folder folder;
    const auto path = folder / "x.npy";
    const auto header = [](std::int64_t rows) {
        return fmt::format("{{'descr': '|u1', 'fortran_order': True, 'shape': ({}, 1024), }}", rows);
    };
    test::put_bytes(path, npy(header(2), std::string(1024, '\1') + std::string(1024, '\2')));
    std::size_t seen = 0;
    NumpyFile::open(path).read_on(0, [&](std::span<const std::byte> piece) { seen += piece.size(); });
    EXPECT_EQ(seen, 2048U);
    constexpr std::int64_t rows = (1 << 20) + 1;
    const auto start = npy(header(rows), "");
    test::put_bytes(path, start);
    fs::resize_file(path, start.size() + std::uintmax_t{rows} * 1024);  // a hole: no bytes on the disk
    const auto file = NumpyFile::open(path);
    expect_refused([&] { file.read_on(0, [](std::span<const std::byte>) {}); },
                   {"x.npy", "[1048577, 1024]", "Fortran's order", "ascontiguousarray"});
}

TEST_F(NumpyHeader, RefusesEveryTruncationAndExtension) {
    const auto whole = test::bytes_of(kFolder / "cube.npy");
    for (std::size_t n = 0; n < whole.size(); ++n) refused(whole.substr(0, n), {});
    refused(whole + "x", {"needs 48 bytes, 49 follow"});
}

TEST_F(NumpyHeader, RefusesWhatNumpyDoesNotWrite) {
    refused("", {"not an npy file"});
    refused("\x93NUMPZ", {"not an npy file"});
    refused("\x93NUMPY\x04" + std::string(20, '\0'), {"version 4"});
    refused("\x93NUMPY\x02" + std::string(1, '\0') + "\xff\xff\xff\xff", {"4294967295 bytes"});
    header_refused("", {"'{' is expected"});
    header_refused("{}", {"is missing"});
    header_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } and more", {"text follows"});
    header_refused("{'descr': '<f4', 'descr': '<f4'}", {"'descr' is not expected"});
    header_refused("{'other': 1}", {"'other' is not expected"});
    header_refused("{'descr", {"no end"});
    header_refused("{'descr' '<f4'}", {"':' is expected"});
    header_refused("{'descr': '<f4' 'shape'", {"'}' is expected"});
    header_refused("{'fortran_order': 0}", {"True or False"});
    header_refused("{'shape': (-1,)}", {"a size is expected"});
    header_refused("{'shape': (2 3)}", {"')' is expected"});
    header_refused("{'shape': (99999999999999999999,)}", {"too large"});
    header_refused("{'shape': (" + fmt::format("{}", fmt::join(std::vector<int>(40, 1), ",")) + ")}",
                   {"too many dimensions"});
    const auto of = [](const std::string& descr, const std::string& shape) {
        return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + "}";
    };
    header_refused(of("", "(2,)"), {"''"});
    header_refused(of("<m8", "(1,)"), {"'<m8'"});
    header_refused(of("^f4", "(2,)"), {"'^f4'"});
    header_refused(of("<f4", "(3,)"), {"needs 12 bytes, 8 follow"});
    header_refused(of("<f4", "(4611686018427387904,)"), {"more elements"});
    header_refused(of("<f4", "(4294967296, 4294967296)"), {"more elements"});
    test::put_bytes(folder_ / "x.npy", npy(of("<f4", "(2L,)"), "12345678"));  // Python 2
    EXPECT_EQ(NumpyFile::open(folder_ / "x.npy").arrays()[0].shape, (std::vector<std::int64_t>{2}));
}

TEST_F(NumpyHeader, ArraysAreAskedForByName) {
    const auto file = NumpyFile::open(kFolder / "stored.npz");
    expect_refused([&] { (void)file.find("absent"); }, {"no array 'absent'", "float32"});
    std::vector<std::byte> small(3);
    expect_refused([&] { file.read(0, small); }, {"does not fill 3 bytes"});
    expect_refused([&] { (void)NumpyFile::open(folder_ / "none.npz"); }, {"none.npz"});
}

TEST_F(NumpyHeader, AnArchiveOfOtherThingsIsNoNpz) {
    test::put_bytes(folder_ / "x.npy",
                    test::bytes_of(kFolder.parent_path() / "checkpoints" / "one_tensor.pt"));
    expect_refused([&] { (void)NumpyFile::open(folder_ / "x.npy"); }, {"is no .npy"});
}

}  // namespace
}  // namespace vtvc
