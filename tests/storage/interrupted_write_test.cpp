// A write that fails or is killed leaves the earlier file as it was.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support.hpp"

namespace vtvc {
namespace {

TensorFile large(float value) {
    TensorFile file;
    file.kind = "checkpoint";
    const std::vector<float> values(1 << 20, value);
    file.tensors["weights"] = HostTensor::of<float>({1 << 20}, values);
    return file;
}

float value_in(const std::filesystem::path& path) {
    const auto file = TensorFile::read(path, "checkpoint");
    return file.tensors.at("weights").as<float>()[12345];
}

TEST(InterruptedWrite, AFullDiskLeavesTheEarlierFileAndNoRemains) {
    const test::Folder folder;
    large(1).write(folder / "checkpoint.h5");
    const auto child = ::fork();
    if (child == 0) {
        // A limit on the size of files fails writes half-way, as a full disk does.
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1 << 21, 1 << 21};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            large(2).write(folder / "checkpoint.h5");
        } catch (const StorageError&) {
            ::_exit(0);
        } catch (...) {
            ::_exit(2);
        }
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "1: nothing was thrown, 2: not a StorageError";
    EXPECT_EQ(value_in(folder / "checkpoint.h5"), 1);
    EXPECT_EQ(folder.files(), 1U);
}

TEST(InterruptedWrite, AKilledWriterLeavesAWholeFile) {
    const test::Folder folder;
    large(0).write(folder / "checkpoint.h5");
    for (int trial = 0; trial < 8; ++trial) {
        const auto child = ::fork();
        if (child == 0)
            for (float value = 1;; ++value) large(value).write(folder / "checkpoint.h5");
        ::usleep(static_cast<useconds_t>(3000 + 5700 * trial));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_NO_THROW((void)value_in(folder / "checkpoint.h5"));
    }
}

}  // namespace
}  // namespace vtvc
