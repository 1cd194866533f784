// What a user is told about a job file that cannot be run.
#include <gtest/gtest.h>

#include "job_samples.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

std::string complaint(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
        parse_job(text, "job.toml", overrides);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

/// Of a job that is in order but for the overrides.
std::string complaint_of(const std::string& kind, const std::vector<std::string>& overrides) {
    return complaint(resolved_toml(*testing::filled_job(kind)), overrides);
}

TEST(JobErrors, AllAtOnceInTheOrderOfTheirPlaces) {
    const std::string text = R"(seed = 3
[job]
kind = "pretrain"
sed = 3
[trian]
steps = 1
[model]
image = 30
patch = 7
width = "wide"
[train]
bacth = 3
steps = 0
lr = true
hidden = [1]
)";
    EXPECT_EQ(
        complaint(text),
        "job.toml:1:1: missing 'input.data' (Dataset whose classes the base network learns.)\n"
        "job.toml:1:1: unknown key 'seed'; did you mean 'job.seed'?\n"
        "job.toml:4:1: unknown key 'job.sed'; did you mean 'job.seed'?\n"
        "job.toml:5:2: unknown table 'trian'; did you mean 'train'?\n"
        "job.toml:9:1: 'model.patch' 7 does not divide 'model.image' 30\n"
        "job.toml:10:9: 'model.width' must be an integer, found text \"wide\"\n"
        "job.toml:12:1: unknown key 'train.bacth'; did you mean 'train.batch'?\n"
        "job.toml:13:9: 'train.steps' must be at least 1, found 0\n"
        "job.toml:14:6: 'train.lr' must be a number, found true\n"
        "job.toml:15:1: unknown key 'train.hidden' (known here: batch, clip, lr, steps, validate_every, "
        "warmup, weight_decay)");
}

TEST(JobErrors, MissingFeaturesComeWithTheWayToThem) {
    const std::string text = R"([job]
kind = "evaluate"
[input]
method = "m.h5"
bank = "b.h5"
[[task]]
name = "a"
data = "a.h5"
head = "h.h5"
)";
    const auto said = complaint(text);
    EXPECT_EQ(
        said.find("job.toml:6:1: missing 'task.0.features' (Features of that dataset by the bank's base.); "
                  "make them once"),
        0U)
        << said;
    EXPECT_NE(said.find("kind = \"features\""), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 0) << said;
}

TEST(JobErrors, AMissingJacobianComesWithTheWayToIt) {
    const auto said = complaint_of("posterior", {"posterior.fidelity=tangent"});
    EXPECT_NE(said.find("missing 'task.0.jacobian' ('posterior.fidelity' tangent trains on it)"),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("kind = \"jacobian\""), std::string::npos) << said;
    EXPECT_EQ(complaint_of("posterior", {"posterior.fidelity=auto", "task.0.jacobian=j.h5"}), "");
}

TEST(JobErrors, AJacobianThatNothingWouldReadIsRefused) {
    EXPECT_NE(complaint_of("posterior", {"task.0.jacobian=j.h5"}).find("'posterior.fidelity' exact"),
              std::string::npos);
    EXPECT_NE(complaint_of("evaluate", {"task.0.jacobian=j.h5"}).find("evaluation is always exact"),
              std::string::npos);
    const std::vector<std::string> tangent{"posterior.fidelity=tangent", "task.0.jacobian=j.h5"};
    for (const auto& [method, refused] : {std::pair{"atlas", true}, {"amortised", false}}) {
        auto keys = tangent;
        keys.push_back(std::string("method.name=") + method);
        EXPECT_EQ(complaint_of("baseline", keys).find("of amortised methods") != std::string::npos, refused)
            << method;
    }
}

TEST(JobErrors, AJacobianHasOneCentreAndAFittingStore) {
    EXPECT_NE(complaint_of("jacobian", {"jacobian.centre=0.2", "input.centre=m.h5"}).find("both say"),
              std::string::npos);
    EXPECT_EQ(complaint_of("jacobian", {"jacobian.centre=0.2"}), "");
    EXPECT_NE(complaint_of("jacobian", {"jacobian.store=int8", "compose.partition=model"}).find("bf16"),
              std::string::npos);
}

TEST(Fidelity, SaysFromWhichStepOnTrainingIsExact) {
    PosteriorJob job;
    job.train.steps = 200;
    EXPECT_EQ(job.first_exact_step(), 0);
    job.posterior.fidelity = Fidelity::tangent;
    EXPECT_EQ(job.first_exact_step(), 200);
    job.posterior.fidelity = Fidelity::automatic;
    EXPECT_EQ(job.first_exact_step(), 150);
    for (const auto& [share, step] : {std::pair{0., 200}, {1., 0}, {.001, 200}, {.3, 140}}) {
        job.posterior.exact_share = share;
        EXPECT_EQ(job.first_exact_step(), step) << share;
    }
}

TEST(JobErrors, TheRankOfABankBelongsToItsStore) {
    EXPECT_EQ(
        complaint_of("bank", {"bank.store=lowrank"}),
        "--set bank.store=lowrank: 'bank.store' lowrank needs 'bank.rank', the rank to keep (1 or more)");
    EXPECT_NE(complaint_of("bank", {"bank.store=int8", "bank.rank=4"}).find("'bank.rank' 4 is of"),
              std::string::npos);
    EXPECT_EQ(complaint_of("bank", {"bank.store=lowrank", "bank.rank=4"}), "");
}

TEST(JobErrors, AKeyInTheWrongTableIsShownWhereItBelongs) {
    EXPECT_EQ(complaint_of("posterior", {"train.hidden=[1]"}),
              "--set train.hidden=[1]: unknown key 'train.hidden'; did you mean 'posterior.hidden'?");
}

TEST(JobErrors, RowsAreCheckedLikeTables) {
    const std::string text = R"([job]
kind = "bank"
[input]
base = "b.h5"
[[task]]
nam = "x"
model = ""
[[task]]
name = "y"
model = 3
[[task]]
name = "y"
model = "y.h5"
)";
    EXPECT_EQ(complaint(text),
              "job.toml:5:1: missing 'task.0.name' (Name of the task vector.)\n"
              "job.toml:6:1: unknown key 'task.0.nam'; did you mean 'name'?\n"
              "job.toml:7:9: 'task.0.model' must not be empty\n"
              "job.toml:10:9: 'task.1.model' must be a text in quotes, found integer 3\n"
              "job.toml:12:1: 'task.2.name' is \"y\" again; names must differ");
}

TEST(JobErrors, RowsMustBeAnArrayOfTables) {
    const std::string start = "[job]\nkind = \"bank\"\n[input]\nbase = \"b\"\n";
    EXPECT_EQ(complaint(start + "[task]\nname = \"x\"\n"),
              "job.toml:5:2: 'task' must be an array of tables, [[task]], found a table");
    EXPECT_EQ(complaint(start),
              "job.toml:1:1: missing 'task' (A fine-tuned model; its task vector is model minus base.)");
}

TEST(JobErrors, ATableMustBeATable) {
    EXPECT_EQ(complaint("train = 3\n[job]\nkind = \"pretrain\"\n[input]\ndata = \"d\"\n"),
              "job.toml:1:1: 'train' must be a table, [train], found integer 3");
}

TEST(JobErrors, ListsAreCheckedElementByElement) {
    EXPECT_EQ(
        complaint_of("posterior", {"posterior.hidden=[64, 0, 2.5]"}),
        "--set posterior.hidden=[64, 0, 2.5]: 'posterior.hidden.1' must be between 1 and 1024, found 0\n"
        "--set posterior.hidden=[64, 0, 2.5]: 'posterior.hidden.2' must be an integer, found number 2.5");
    EXPECT_EQ(complaint_of("posterior", {"select.lr=1"}),
              "--set select.lr=1: 'select.lr' must be a list, [...], found integer 1");
}

TEST(JobErrors, ChoicesAreListedWithTheNearest) {
    EXPECT_EQ(complaint_of("posterior", {"posterior.spike=grup"}),
              "--set posterior.spike=grup: 'posterior.spike' must be one of group, layer, coefficient, found "
              "\"grup\"; did you mean 'group'?");
}

TEST(JobErrors, NumbersMustBeFinite) {
    EXPECT_EQ(complaint_of("pretrain", {"train.lr=nan"}),
              "--set train.lr=nan: 'train.lr' must be at least 0, found nan");
    EXPECT_EQ(complaint_of("pretrain", {"train.lr=inf"}),
              "--set train.lr=inf: 'train.lr' must be at least 0, found inf");
}

TEST(JobErrors, TheKindIsAskedForFirst) {
    const std::string kinds =
        "pretrain, head, finetune, bank, features, jacobian, posterior, baseline, evaluate, predict, bench";
    EXPECT_EQ(complaint("[train]\nsteps = 3\n"), "job.toml:1:1: missing 'job.kind', one of " + kinds);
    EXPECT_EQ(complaint("[job]\nkind = \"pretrian\"\n"),
              "job.toml:2:8: unknown job kind \"pretrian\", must be one of " + kinds +
                  "; did you mean 'pretrain'?");
    EXPECT_EQ(complaint("[job]\nkind = 3\n"),
              "job.toml:2:8: 'job.kind' must be one of " + kinds + ", found integer 3");
}

TEST(JobErrors, OverridesSayWhatIsWrongWithThem) {
    EXPECT_EQ(complaint_of("pretrain", {"train"}), "--set train: an override is written key.sub=value");
    EXPECT_EQ(complaint_of("pretrain", {"train.=3"}), "--set train.=3: an override is written key.sub=value");
    EXPECT_EQ(complaint_of("pretrain", {"train..lr=3"}),
              "--set train..lr=3: a part of the key is empty; an override is written key.sub=value");
    EXPECT_EQ(complaint_of("pretrain", {"train.lr.x=3"}),
              "--set train.lr.x=3: 'lr' is no table (it is number 0.003), so it has no 'x'");
    EXPECT_EQ(complaint_of("bank", {"task.4.name=x"}), "--set task.4.name=x: '4' is no index of a list of 1");
    EXPECT_NE(complaint_of("posterior", {"posterior.hidden=[1, 2"}).find("--set posterior.hidden=[1, 2: "),
              std::string::npos);
}

TEST(JobErrors, EveryCheckAcrossKeysCanFire) {
    EXPECT_NE(complaint_of("pretrain", {"model.heads=3"}), "");
    EXPECT_NE(complaint_of("posterior", {"compose.protocol=transfer"}), "");
    EXPECT_NE(complaint_of("posterior", {"compose.protocol=addition_blind", "posterior.form=hierarchical"}),
              "");
    EXPECT_NE(complaint_of("posterior",
                           {"compose.protocol=transfer", "compose.exclude=[\"a\"]", "task.0.vector=b"}),
              "");
    EXPECT_EQ(complaint_of("posterior",
                           {"compose.protocol=transfer", "compose.exclude=[\"a\"]", "task.0.vector=a"}),
              "");
    EXPECT_NE(complaint_of("baseline", {"method.name=ties", "method.keep_grid=[]"}), "");
    EXPECT_NE(complaint_of("baseline", {"method.name=task_arithmetic", "method.scale_grid=[]"}), "");
    EXPECT_NE(complaint_of("baseline", {"method.name=probe", "method.decay_grid=[]"}), "");
    EXPECT_NE(complaint_of("evaluate", {"evaluate.modes=[]"}), "");
    EXPECT_NE(complaint_of("evaluate", {"evaluate.modes=[\"hard\", \"hard\"]"}), "");
    EXPECT_NE(complaint_of("predict", {"predict.split=tset"}), "");
    EXPECT_EQ(complaint_of("evaluate", {"evaluate.modes=[\"hart\"]"}),
              "--set evaluate.modes=[\"hart\"]: 'evaluate.modes' has \"hart\", which is none of mean, hard, "
              "monte_carlo; did you mean 'hard'?");
}

TEST(JobErrors, SyntaxIsRefusedWithItsPlace) {
    EXPECT_EQ(complaint("[job]\nkind = \n").rfind("job.toml:2:", 0), 0u) << complaint("[job]\nkind = \n");
    EXPECT_EQ(complaint("[job]\nkind = \"bank\"\n[ ").rfind("job.toml:3:", 0), 0u);
}

// toml++ 3.3.0 aborts on some of these unless its assertions are made to throw.
TEST(JobErrors, LettersThatAreNotAsciiAreRefusedOutsideOfText) {
    // The library called these places unreachable, which let the compiler do anything (found by fuzzing).
    for (const auto* text : {"\xC3\xA9 = 1", "\xEF\xBB\x9F", "[job]\nkind = \xC3\xA9", "[\xD0\xB4]",
                             "a\xC3\xA9 = 1", "a = 1 \xC3\xA9"})
        EXPECT_TRUE(complaint(text).starts_with("job.toml:")) << text;
    EXPECT_EQ(complaint("# \xC3\xA9\n").find("unexpected"), std::string::npos);
}

TEST(JobErrors, ATextCutAnywhereIsRefusedOrReadNeverFatal) {
    const std::string text =
        dump_default("posterior") + "[[task]]\nname = 'x'\nwhen = 2020-01-01T10:00:00Z\nlist = [{a = 1}]\n";
    for (std::size_t length = 0; length <= text.size(); ++length) complaint(text.substr(0, length));
    SUCCEED();
}

TEST(JobErrors, DamagedTextIsRefusedOrReadNeverFatal) {
    const std::string text = resolved_toml(*testing::filled_job("bank"));
    const std::string alphabet = "[]{}\"'\\#=.,\n 0-_ex\x01\xff\t";
    for (std::uint64_t round = 0; round < 3000; ++round) {
        Stream stream(0, Purpose::subset, round);
        std::string damaged = text;
        for (int change = 0; change < 3; ++change) {
            damaged[stream.below(damaged.size())] = alphabet[stream.below(alphabet.size())];
        }
        complaint(damaged);
    }
    SUCCEED();
}

}  // namespace
}  // namespace vtvc
