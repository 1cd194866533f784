// Bytes arrive as they are wherever they begin, in memory and in the file.
#include "vtvc/core/position_io.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace vtvc {
namespace {

class PositionIo : public testing::Test {
  protected:
    PositionIo() {
        std::string name = testing::TempDir() + "vtvc-position-XXXXXX";
        file_ = ::mkstemp(name.data());
        ::unlink(name.c_str());
    }
    ~PositionIo() override { ::close(file_); }
    void write_all(std::uint64_t offset, std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto put = write_at(file_, offset, bytes);
            ASSERT_GT(put, 0);
            bytes = bytes.subspan(static_cast<std::size_t>(put));
            offset += static_cast<std::uint64_t>(put);
        }
    }
    std::size_t read_all(std::uint64_t offset, std::span<std::byte> out) const {
        std::size_t sum = 0;
        while (sum < out.size()) {
            const auto got = read_at(file_, offset + sum, out.subspan(sum));
            EXPECT_GE(got, 0);
            if (got <= 0) break;
            sum += static_cast<std::size_t>(got);
        }
        return sum;
    }
    int file_;
};

TEST_F(PositionIo, EveryPlaceInMemoryAndFile) {
    std::vector<std::byte> given(700'000), back(given.size());
    for (std::size_t i = 0; i < given.size(); ++i) given[i] = static_cast<std::byte>(i * 2654435761U >> 24);
    for (const std::size_t bytes : {0U, 1U, 16'383U, 16'384U, 262'144U, 600'001U})
        for (const std::size_t memory : {0U, 1U, 8U, 16U, 64U})
            for (const std::uint64_t offset : {0U, 8U, 63U, 512U}) {
                const auto part = std::span(given).subspan(memory, bytes);
                write_all(offset, part);
                const auto out = std::span(back).subspan(64 - memory, bytes);
                std::fill(out.begin(), out.end(), std::byte{0});
                ASSERT_EQ(read_all(offset, out), bytes);
                ASSERT_TRUE(std::equal(out.begin(), out.end(), part.begin()))
                    << bytes << " bytes from " << memory << " to " << offset;
            }
}

TEST_F(PositionIo, TheEndOfAFileAndErrorsAreThoseOfTheSystem) {
    const std::vector<std::byte> given(50'000, std::byte{7});
    write_all(3, given);
    std::vector<std::byte> out(100'000);
    EXPECT_EQ(read_all(3, out), given.size());
    EXPECT_EQ(read_at(file_, 60'000, out), 0);
    errno = 0;
    EXPECT_EQ(read_at(-1, 3, out), -1);
    EXPECT_EQ(errno, EBADF);
    EXPECT_EQ(write_at(-1, 3, given), -1);
    EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace vtvc
