#include "vtvc/core/files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temporary_folder.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {
namespace fs = std::filesystem;

class Files : public testing::TemporaryFolder {};

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void put(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

TEST_F(Files, APendingFileHasItsNameOnlyAfterCommit) {
    PendingFile pending(folder() / "a" / "b.h5");
    put(pending.temporary(), "whole");
    EXPECT_EQ(pending.temporary().parent_path(), folder() / "a");
    EXPECT_FALSE(fs::exists(folder() / "a/b.h5"));
    pending.commit();
    EXPECT_EQ(read_text(folder() / "a/b.h5"), "whole");
    EXPECT_EQ(entries(folder() / "a"), 1u);
}

TEST_F(Files, APendingFileLeftByAnExceptionLeavesNothingAndTheOldFile) {
    write_atomically(folder() / "b", "old");
    try {
        PendingFile pending(folder() / "b");
        put(pending.temporary(), "half");
        throw std::runtime_error("cut");
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(read_text(folder() / "b"), "old");
    EXPECT_EQ(entries(folder()), 1u);
}

TEST_F(Files, TwoWritersOfOneNameDoNotShareATemporary) {
    PendingFile one(folder() / "b"), other(folder() / "b");
    EXPECT_NE(one.temporary(), other.temporary());
}

TEST_F(Files, CommitOfAFileNeverWrittenFails) {
    PendingFile pending(folder() / "b");
    EXPECT_THROW(pending.commit(), StorageError);
    EXPECT_FALSE(fs::exists(folder() / "b"));
}

TEST_F(Files, AFileThatCannotFitIsRefusedBeforeItIsWritten) {
    try {
        PendingFile pending(folder() / "huge.h5", std::uint64_t{1} << 62);
        FAIL();
    } catch (const StorageError& error) {
        EXPECT_NE(std::string(error.what()).find("huge.h5"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("MB are free"), std::string::npos);
    }
}

TEST_F(Files, TextComesBackByteForByte) {
    const std::string text("a\0b\r\n\xff", 6);
    write_atomically(folder() / "t", text);
    EXPECT_EQ(read_text(folder() / "t"), text);
    write_atomically(folder() / "t", "");
    EXPECT_EQ(read_text(folder() / "t"), "");
}

TEST_F(Files, ReadingNamesThePathAndTheReason) {
    try {
        read_text(folder() / "absent");
        FAIL();
    } catch (const StorageError& error) {
        EXPECT_EQ(error.what(),
                  "cannot read " + (folder() / "absent").string() + " (No such file or directory)");
    }
    EXPECT_THROW(read_text(folder()), StorageError);
}

TEST_F(Files, WritingBelowAFileFails) {
    write_atomically(folder() / "file", "x");
    EXPECT_THROW(write_atomically(folder() / "file" / "below", "y"), StorageError);
}

TEST_F(Files, ALinkIsReplacedAndNothingElseIs) {
    point_link(folder() / "link", "one");
    point_link(folder() / "link", "two");
    EXPECT_EQ(fs::read_symlink(folder() / "link"), "two");
    EXPECT_EQ(entries(folder()), 1u);
    write_atomically(folder() / "precious", "x");
    EXPECT_THROW(point_link(folder() / "precious", "two"), StorageError);
    EXPECT_EQ(read_text(folder() / "precious"), "x");
}

TEST_F(Files, JsonLinesAreVisibleAtOnceAndCounted) {
    JsonLines lines(folder() / "new" / "metrics.jsonl");
    lines.write("{\"a\":1}");
    EXPECT_EQ(read_text(folder() / "new/metrics.jsonl"), "{\"a\":1}\n");
    EXPECT_EQ(lines.bytes(), 8u);
    lines.sync();
}

TEST_F(Files, ResumedJsonLinesDropWhatCameAfterTheCheckpoint) {
    const fs::path path = folder() / "metrics.jsonl";
    write_atomically(path, "{\"step\":1}\n{\"step\":2}\n{\"st");
    JsonLines lines(path, 11);
    lines.write("{\"step\":3}");
    EXPECT_EQ(read_text(path), "{\"step\":1}\n{\"step\":3}\n");
    EXPECT_EQ(lines.bytes(), 22u);
    EXPECT_THROW(JsonLines(path, 1000), StorageError);
    EXPECT_EQ(JsonLines(path).bytes(), 0u);
    EXPECT_EQ(read_text(path), "");
}

}  // namespace
}  // namespace vtvc
