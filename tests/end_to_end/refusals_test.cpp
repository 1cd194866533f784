// Bad input: refused by the real program, with its reason and its place, before any work.
#include <gtest/gtest.h>

#include <fstream>

#include "vtvc/storage/dataset.hpp"
#include "world.hpp"

namespace vtvc::testing {
namespace {

struct Bad {
    const char* name;
    std::vector<std::string> sets;
    int code;
    std::vector<std::string> said;
};

void refuses(const std::string& job, const Bad& bad) {
    SCOPED_TRACE(bad.name);
    std::filesystem::copy_file(world().file(job + ".toml"), world().file("bad.toml"),
                               std::filesystem::copy_options::overwrite_existing);
    const Outcome outcome = world().run("bad", 1, bad.sets);
    EXPECT_EQ(outcome.code, bad.code) << outcome.text;
    for (const std::string& words : bad.said)
        EXPECT_NE(outcome.text.find(words), std::string::npos) << words << "\n" << outcome.text;
    EXPECT_FALSE(std::filesystem::exists(world().file("runs/bad")));
}

TEST(Refusals, EveryMistakeOfAJobFileAtOnceWithItsPlace) {
    std::ofstream(world().file("mistakes.toml"))
        << "[job]\nkind = \"features\"\nsedes = 3\n[input]\nmodel = 7\n";
    const Outcome outcome = world().run("mistakes");
    EXPECT_EQ(outcome.code, 2);
    for (const char* words : {"mistakes.toml:3:1", "seed", "mistakes.toml:5", "input.data"}) {
        EXPECT_NE(outcome.text.find(words), std::string::npos) << words << "\n" << outcome.text;
    }
}

TEST(Refusals, FilesThatDoNotBelongTogether) {
    refuses("posterior", {"missing file", {"input.bank=nowhere.h5"}, 1, {"nowhere.h5"}});
    refuses(
        "posterior",
        {"features of another data set", {"task.0.features=runs/features-two/features.h5"}, 1, {"features"}});
    refuses("posterior",
            {"head of another data set", {"task.0.head=runs/head-two/head.h5"}, 1, {"4 classes"}});
    refuses("posterior",
            {"a model where a bank belongs", {"input.bank=runs/pretrain/model.h5"}, 1, {"bank"}});
    refuses("posterior", {"a window beyond the data", {"rows.first=100000"}, 1, {"no rows"}});
    refuses("finetune-one",
            {"fine-tuning a fine-tuned model", {"input.base=runs/finetune-two/model.h5"}, 1, {"base"}});
    refuses("features-one", {"a dataset where a model belongs", {"input.model=one.h5"}, 1, {"model"}});
}

TEST(Refusals, ABaseOfAnotherRun) {
    std::filesystem::copy_file(world().file("pretrain.toml"), world().file("pretrain2.toml"),
                               std::filesystem::copy_options::overwrite_existing);
    ASSERT_EQ(world().run("pretrain2", 1, {"job.seed=5", "train.steps=3"}).code, 0);
    refuses("finetune-one",
            {"head of another base", {"input.base=runs/pretrain2/model.h5"}, 1, {"head", "base"}});
    refuses("bank", {"task vectors of another base", {"input.base=runs/pretrain2/model.h5"}, 1, {"base"}});
}

TEST(Warnings, TheReferenceBlasIsNotTakenSilently) {
    const std::filesystem::path folder = "/usr/lib/x86_64-linux-gnu/blas";
    if (!std::filesystem::exists(folder / "libblas.so.3") || !VTVC_DEBIAN_TORCH)
        GTEST_SKIP() << "needs Debian's torch, and libblas3 beside OpenBLAS";
    const std::string job = world().command("features-one", 1, {"job.store=store-blas", "job.threads=1"});
    const std::string words = "the reference BLAS is in use";
    const Outcome usual = shell(job);
    ASSERT_EQ(usual.code, 0) << usual.text;
    EXPECT_EQ(usual.text.find(words), std::string::npos) << usual.text;
    const Outcome slow = shell("export LD_LIBRARY_PATH=" + folder.string() + "; " + job);
    ASSERT_EQ(slow.code, 0) << slow.text;
    EXPECT_NE(slow.text.find(words), std::string::npos) << slow.text;
}

TEST(Refusals, ATruncatedFile) {
    const auto whole = world().file("one.h5"), cut = world().file("cut.h5");
    std::filesystem::copy_file(whole, cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, std::filesystem::file_size(whole) / 2);
    refuses("features-one", {"truncated HDF5", {"input.data=cut.h5"}, 1, {"cut.h5"}});
}

}  // namespace
}  // namespace vtvc::testing
