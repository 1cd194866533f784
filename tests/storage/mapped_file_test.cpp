// A mapped file that loses its pages while it is looked at.
#include "mapped_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <fstream>

#include "support.hpp"

namespace vtvc {
namespace {

constexpr std::size_t kBytes = 100'000;

class MappedFile : public testing::Test {
  protected:
    MappedFile() { test::put_bytes(path_, std::string(kBytes, 'x')); }
    static std::size_t count(std::span<const std::byte> bytes, char what) {
        return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), static_cast<std::byte>(what)));
    }
    test::Folder folder_;
    std::filesystem::path path_ = folder_ / "file";
};

TEST_F(MappedFile, ShowsTheBytesOfTheFile) {
    const auto file = h5::File::open(path_);
    const auto mapped = h5::MappedFile::map(file);
    ASSERT_TRUE(mapped.has_value());
    EXPECT_TRUE(mapped->resident(0, kBytes));
    std::size_t seen = 0;
    EXPECT_TRUE(mapped->with(99'000, 1000, [&](auto bytes) { seen = count(bytes, 'x'); }));
    EXPECT_EQ(seen, 1000U);
    EXPECT_FALSE(mapped->resident(99'001, 1000)) << "beyond the end";
    EXPECT_FALSE(mapped->with(99'001, 1000, [&](auto) { ADD_FAILURE() << "beyond the end"; }));
}

TEST_F(MappedFile, AnEmptyFileIsNotMapped) {
    test::put_bytes(path_, "");
    EXPECT_FALSE(h5::MappedFile::map(h5::File::open(path_)).has_value());
}

TEST_F(MappedFile, BytesThatAreCutOffMeanwhileAreALossAndNoCrash) {
    const auto file = h5::File::open(path_);
    const auto mapped = h5::MappedFile::map(file);
    ASSERT_TRUE(mapped.has_value());
    std::size_t seen = 0, zeros = 0;
    const bool whole = mapped->with(10, kBytes - 10, [&](auto bytes) {
        std::filesystem::resize_file(path_, 8192);
        seen = count(bytes, 'x'), zeros = count(bytes, '\0');
    });
    EXPECT_FALSE(whole);
    EXPECT_EQ(seen, 8192U - 10);
    EXPECT_EQ(zeros, kBytes - 8192);
    EXPECT_FALSE(mapped->with(0, 10, [](auto) {})) << "what was lost stays lost";
}

sigjmp_buf elsewhere;
void on_fault_elsewhere(int) { siglongjmp(elsewhere, 1); }

TEST_F(MappedFile, AFaultElsewhereReachesTheHandlerThatStoodBefore) {
    struct sigaction mine {
    }, before{}, after{};
    mine.sa_handler = on_fault_elsewhere;
    ASSERT_EQ(::sigaction(SIGBUS, &mine, &before), 0);
    {
        const auto file = h5::File::open(path_);
        const auto mapped = h5::MappedFile::map(file);
        void* const own = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file.descriptor(), 0);
        ASSERT_NE(own, MAP_FAILED);
        std::filesystem::resize_file(path_, 0);
        bool reached = true;
        if (sigsetjmp(elsewhere, 1) == 0) {
            (void)*static_cast<volatile const char*>(own);
            reached = false;
        }
        EXPECT_TRUE(reached);
        ::munmap(own, kBytes);
    }
    ASSERT_EQ(::sigaction(SIGBUS, &before, &after), 0);
    EXPECT_EQ(after.sa_handler, on_fault_elsewhere) << "the handler before is in its place again";
}

}  // namespace
}  // namespace vtvc
