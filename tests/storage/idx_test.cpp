#include "vtvc/storage/idx.hpp"

#include <zlib.h>

#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

std::string idx(const std::vector<std::uint32_t>& shape, std::size_t bytes) {
    std::string text{'\0', '\0', '\x08', static_cast<char>(shape.size())};
    for (const auto size : shape)
        for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(size >> shift));
    for (std::size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(i));
    return text;
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    EXPECT_EQ(deflateEnd(&stream), Z_OK);
    return out;
}

class Idx : public testing::Test {
  protected:
    IdxArray read(const std::string& bytes) {
        test::put_bytes(folder_ / "x-idx", bytes);
        return read_idx(folder_ / "x-idx");
    }
    void refused(const std::string& bytes, std::vector<std::string> parts) {
        parts.emplace_back("x-idx");
        expect_refused([&] { (void)read(bytes); }, parts);
    }
    test::Folder folder_;
};

TEST_F(Idx, ReadsPlainAndGzippedFilesAlike) {
    for (const auto& bytes : {idx({2, 3, 4}, 24), gzip(idx({2, 3, 4}, 24))}) {
        const auto array = read(bytes);
        EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3, 4}));
        ASSERT_EQ(array.values.size(), 24U);
        EXPECT_EQ(array.values[23], 23);
    }
    EXPECT_EQ(read(idx({5}, 5)).shape, (std::vector<std::int64_t>{5}));
    EXPECT_EQ(read(idx({2, 2, 2, 3}, 24)).values.size(), 24U);
}

TEST_F(Idx, ReadsMoreThanOnePiece) {
    const std::size_t bytes = 3 * 1024 * 1024 + 5;
    const auto array = read(gzip(idx({static_cast<std::uint32_t>(bytes)}, bytes)));
    ASSERT_EQ(array.values.size(), bytes);
    for (std::size_t i = 0; i < bytes; i += 4093) ASSERT_EQ(array.values[i], i % 256);
}

TEST_F(Idx, RefusesWhatIsNotIdx) {
    refused("", {"header"});
    refused("MZ and so on", {"not an IDX file"});
    refused(std::string("\0\0\x0d\x01\0\0\0\0", 8), {"not an IDX file", "0d"});  // floats
    refused(std::string("\0\0\x08\0", 4), {"not an IDX file"});
    refused(std::string("\0\0\x08\x05", 4), {"not an IDX file"});
    expect_refused([&] { (void)read_idx(folder_ / "absent"); }, {"absent"});
}

TEST_F(Idx, RefusesHostileSizesBeforeAllocating) {
    refused(idx({0xFFFFFFFF, 0xFFFFFFFF}, 4), {"promises", "cannot hold"});
    refused(idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, 4), {"promises"});
    refused(gzip(idx({0xFFFFFFFF, 28}, 4)), {"promises", "cannot hold"});
}

TEST_F(Idx, RefusesEveryTruncation) {
    const auto plain = idx({2, 3}, 6), packed = gzip(plain);
    for (std::size_t n = 0; n < plain.size(); ++n) refused(plain.substr(0, n), {});
    for (std::size_t n = 0; n < packed.size(); ++n) refused(packed.substr(0, n), {});
    refused(idx({2, 3}, 5), {"promises 6", "5 are there"});
    refused(gzip(idx({2, 3}, 5)), {"promises 6", "5 are there"});
}

TEST_F(Idx, RefusesTrailingBytes) {
    refused(idx({2, 3}, 7), {"follow"});
    refused(gzip(idx({2, 3}, 7)), {"follow"});
    refused(gzip(idx({2, 3}, 6)) + "x", {"1 bytes follow its gzip stream"});
}

TEST_F(Idx, RefusesDamagedGzip) {
    auto packed = gzip(idx({2, 3}, 6));
    packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);  // within the CRC
    refused(packed, {"damaged"});
}

}  // namespace
}  // namespace vtvc
