#include "byte_source.hpp"

#include <sys/stat.h>

#include "bytes.hpp"
#include "support.hpp"

namespace vtvc::foreign {
namespace {

TEST(ByteSource, FilesAndMemoryGiveTheSame) {
    const test::Folder folder;
    const std::string bytes = "0123456789";
    test::put_bytes(folder / "x", bytes);
    const auto file = open_bytes(folder / "x");
    const auto memory = memory_bytes("x", test::bytes_in(bytes));
    for (const auto* source : {file.get(), memory.get()}) {
        EXPECT_EQ(source->size(), 10U);
        EXPECT_EQ(read_string(*source, 3, 4), "3456");
        EXPECT_EQ(read_string(*source, 10, 0), "");
        test::expect_refused([&] { (void)read_string(*source, 8, 3); }, {"8 to 11", "10"});
        test::expect_refused([&] { (void)read_string(*source, UINT64_MAX, 1); }, {"cannot read"});
    }
}

TEST(ByteSource, RefusesWhatIsNoFile) {
    const test::Folder folder;
    test::expect_refused([&] { (void)open_bytes(folder / "absent"); }, {"absent", "No such file"});
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    test::expect_refused([&] { (void)open_bytes(folder / "pipe"); }, {"pipe", "not a regular file"});
}

TEST(ByteSource, AFileThatShrinksIsSeen) {
    const test::Folder folder;
    test::put_bytes(folder / "x", "0123456789");
    const auto file = open_bytes(folder / "x");
    std::filesystem::resize_file(folder / "x", 4);
    test::expect_refused([&] { (void)read_string(*file, 0, 10); }, {"became shorter"});
}

}  // namespace
}  // namespace vtvc::foreign
