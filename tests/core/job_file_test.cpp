#include "vtvc/core/job_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "job_samples.hpp"
#include "temporary_folder.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/jacobian_job.hpp"

namespace vtvc {
namespace {
namespace fs = std::filesystem;
using testing::values_of;

class EveryKind : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Jobs, EveryKind, ::testing::ValuesIn(job_kinds()),
                         [](const auto& kind) { return kind.param; });

/// Makes what ChangeAll did consistent across keys.
void settle(Job& job) {
    if (auto* pretrain = dynamic_cast<PretrainJob*>(&job))
        pretrain->model.image = 32, pretrain->model.width = 65;
    if (auto* bench = dynamic_cast<BenchJob*>(&job)) {
        bench->model.image = bench->model.patch, bench->model.channels = 2;
        bench->model.width = bench->model.output = 2 * bench->model.heads;
    }
    if (auto* bank = dynamic_cast<BankJob*>(&job)) bank->store = BankStore::lowrank;
    if (auto* posterior = dynamic_cast<PosteriorJob*>(&job)) posterior->protocol = Protocol::addition;
    if (auto* baseline = dynamic_cast<BaselineJob*>(&job)) baseline->method = Method::gaussian;
    if (auto* jacobian = dynamic_cast<JacobianJob*>(&job)) jacobian->centre_from.clear();
    if (auto* evaluate = dynamic_cast<EvaluateJob*>(&job)) {
        evaluate->modes = {"hard", "monte_carlo"};
        for (TaskRow& row : evaluate->tasks) row.jacobian.clear();
    }
    if (auto* predict = dynamic_cast<PredictJob*>(&job)) predict->split = "train";
}

TEST_P(EveryKind, MakesAJobOfItsName) {
    const auto job = make_job(GetParam());
    ASSERT_TRUE(job);
    EXPECT_EQ(job->kind(), GetParam());
}

TEST_P(EveryKind, ResolvedDefaultReadsBackToTheSameJob) {
    const auto job = testing::filled_job(GetParam());
    const auto back = parse_job(resolved_toml(*job), "resolved.toml");
    EXPECT_EQ(values_of(*back), values_of(*job));
}

TEST_P(EveryKind, EveryChangedKeySurvivesWritingAndReading) {
    const auto job = testing::filled_job(GetParam());
    testing::ChangeAll change;
    job->describe(change);
    settle(*job);
    const auto back = parse_job(resolved_toml(*job), "resolved.toml");
    EXPECT_EQ(values_of(*back), values_of(*job));
}

TEST_P(EveryKind, DumpedDefaultReadsBackOnceWhatIsRequiredIsAdded) {
    const auto filled = testing::filled_job(GetParam());
    const auto defaults = make_job(GetParam());
    std::vector<std::string> missing;
    const auto before = values_of(*defaults);
    for (const auto& [name, value] : values_of(*filled)) {
        const auto found = before.find(name);
        if (found == before.end() ? !value.empty() : found->second != value)
            missing.push_back(fmt::format("{}={}", name, value));
    }
    if (GetParam() == "baseline") missing.emplace_back("method.name=average");
    const auto back = parse_job(dump_default(GetParam()), "default.toml", missing);
    EXPECT_EQ(values_of(*back), values_of(*filled));
}

TEST_P(EveryKind, DumpNamesEveryKey) {
    const std::string dump = dump_default(GetParam());
    for (const auto& [name, value] : values_of(*testing::filled_job(GetParam()))) {
        const std::string key = name.substr(name.rfind('.') + 1);
        EXPECT_NE(dump.find(key + " = "), std::string::npos) << name;
    }
}

TEST(JobKinds, AnUnknownOneMakesNothing) {
    EXPECT_EQ(make_job("bake"), nullptr);
    EXPECT_THROW(dump_default("bake"), ConfigError);
}

TEST(DumpDefault, ShowsHelpTypeUnitRangeAndDefault) {
    EXPECT_NE(
        dump_default("pretrain")
            .find("# Samples of a step, over all ranks.\nbatch = 128  # integer, samples, at least 1\n"),
        std::string::npos);
    EXPECT_NE(dump_default("bank").find("\n# [[task]]\n"), std::string::npos);
}

class JobFile : public testing::TemporaryFolder {
  protected:
    std::string write(const std::string& name, const std::string& text) {
        write_atomically(folder() / name, text);
        return (folder() / name).string();
    }
};

TEST_F(JobFile, PathsStartAtTheFolderOfTheFileThatHoldsThem) {
    write("sub/common.toml", "[input]\nmodel = \"../base.h5\"\ndata = \"shared.h5\"\n");
    const std::string path =
        write("job.toml",
              "include = [\"sub/common.toml\"]\n[job]\nkind = \"features\"\n[input]\ndata = \"own.h5\"\n");
    const auto job = load_job(path);
    const auto& features = dynamic_cast<const FeaturesJob&>(*job);
    EXPECT_EQ(features.model, (folder() / "base.h5").string());
    EXPECT_EQ(features.data, (folder() / "own.h5").string()) << "the including file wins";
    const auto overridden = load_job(path, {"input.data=here.h5", "input.model=/abs/m.h5"});
    EXPECT_EQ(dynamic_cast<const FeaturesJob&>(*overridden).data, (fs::current_path() / "here.h5").string());
    EXPECT_EQ(dynamic_cast<const FeaturesJob&>(*overridden).model, "/abs/m.h5");
}

TEST_F(JobFile, LaterIncludesWinOverEarlierOnes) {
    write("a.toml", "[train]\nsteps = 1\nbatch = 1\n");
    write("b.toml", "[train]\nsteps = 2\n");
    const auto job = load_job(write("job.toml",
                                    "include = [\"a.toml\", \"b.toml\"]\n[job]\nkind = \"pretrain\"\n"
                                    "[input]\ndata = \"d.h5\"\n"));
    const auto& train = dynamic_cast<const PretrainJob&>(*job).train;
    EXPECT_EQ(train.steps, 2);
    EXPECT_EQ(train.batch, 1);
}

TEST_F(JobFile, AnIncludeThatComesBackToItselfIsRefusedWithItsPlace) {
    write("a.toml", "include = [\"sub/../job.toml\"]\n");
    const std::string path = write("job.toml", "include = [\"a.toml\"]\n[job]\nkind = \"pretrain\"\n");
    try {
        load_job(path);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.what(),
                  (folder() / "a.toml").string() +
                      ":1:12: 'sub/../job.toml' includes itself, directly or through another file");
    }
}

TEST_F(JobFile, AMissingFileOrIncludeIsNamed) {
    EXPECT_THROW(load_job((folder() / "absent.toml").string()), ConfigError);
    const std::string path = write("job.toml", "include = [\"absent.toml\"]\n[job]\nkind = \"pretrain\"\n");
    try {
        load_job(path);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.what(), path + ":1:12: cannot include: cannot read " +
                                    (folder() / "absent.toml").string() + " (No such file or directory)");
    }
}

constexpr const char* bank_text =
    "[job]\nkind = \"bank\"\n[input]\nbase = \"/b.h5\"\n[[task]]\nname = \"x\"\nmodel = \"/x.h5\"\n";

TEST(Overrides, TakeTomlValuesAndBareWords) {
    const auto job =
        parse_job(bank_text, "job.toml", {"job.seed=7", "job.out=some/place", "job.store=\"q=1\""});
    EXPECT_EQ(job->common.seed, 7);
    EXPECT_EQ(job->common.out, "some/place");
    EXPECT_EQ(job->common.store, "q=1");
    const auto lists =
        parse_job(resolved_toml(*testing::filled_job("posterior")), "job.toml",
                  {"posterior.hidden=[8, 4]", "compose.exclude=[\"a\"]", "gate.on=off", "train.lr=1"});
    const auto& posterior = dynamic_cast<const PosteriorJob&>(*lists);
    EXPECT_EQ(posterior.posterior.hidden, (std::vector<std::int64_t>{8, 4}));
    EXPECT_EQ(posterior.exclude, std::vector<std::string>{"a"});
    EXPECT_EQ(posterior.gate.on, Gate::off);
    EXPECT_EQ(posterior.train.lr, 1);
}

TEST(Overrides, ReachRowsByIndexAndAddOneAtTheEnd) {
    const auto job =
        parse_job(bank_text, "job.toml", {"task.0.model=/y.h5", "task.1.name=z", "task.1.model=/z.h5"});
    const auto& bank = dynamic_cast<const BankJob&>(*job);
    ASSERT_EQ(bank.tasks.size(), 2u);
    EXPECT_EQ(bank.tasks[0].name, "x");
    EXPECT_EQ(bank.tasks[0].model, "/y.h5");
    EXPECT_EQ(bank.tasks[1].name, "z");
}

TEST(Overrides, LaterOnesWin) {
    EXPECT_EQ(parse_job(bank_text, "job.toml", {"job.seed=1", "job.seed=2"})->common.seed, 2);
}

}  // namespace
}  // namespace vtvc
