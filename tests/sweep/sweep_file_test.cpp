// What is wrong with a sweep file is said at once, with its place and the nearest spelling.
#include <filesystem>
#include <fstream>

#include "../core/temporary_folder.hpp"
#include "sweeps.hpp"

namespace vtvc::sweep {
namespace {

using Names = std::vector<std::string>;

TEST(SweepFile, EveryMistakeAtOnceInTheOrderOfTheirPlaces) {
    const std::string text =
        "[sweep]\n"
        "name = \"bad name\"\n"  // 2
        "sead = 3\n"             // 3
        "[fixed]\n"
        "job.kind = \"bench\"\n"
        "bench.batsh = 8\n"  // 6
        "[[axis]]\n"
        "key = \"bench.tasks\"\n"
        "values = [4, \"many\", 0]\n"  // 9
        "[[axis]]\n"
        "key = \"bench.activ\"\n"  // 11
        "values = [1]\n"
        "[seeds]\n"
        "count = 0\n"  // 14
        "[resources]\n"
        "time = \"soon\"\n";  // 16
    EXPECT_EQ(problems_of(text),
              "s.toml:2:8: 'sweep.name' must be letters, digits, '-', '_' or '.', at most 64 (a folder is "
              "called so), "
              "found text \"bad name\"\n"
              "s.toml:3:1: unknown key 'sweep.sead'; did you mean 'seed'?\n"
              "s.toml:6:7: unknown key 'bench.batsh'; did you mean 'bench.batch'?\n"
              "s.toml:9:14: 'bench.tasks' must be an integer, found text \"many\"\n"
              "s.toml:9:22: 'bench.tasks' must be at least 1, found 0\n"
              "s.toml:11:7: unknown key 'bench.activ'; did you mean 'bench.active'?\n"
              "s.toml:13:1: 'seeds' needs count or list\n"
              "s.toml:14:9: 'seeds.count' must be an integer of at least 1, found integer 0\n"
              "s.toml:16:8: 'resources.time' must be seconds, or a text like \"90s\", \"10m\", \"2h\", "
              "\"1d\", found "
              "text \"soon\"");
}

TEST(SweepFile, AxesAreChecked) {
    const auto problem = [](const std::string& axes) { return problems_of(bench_head + axes); };
    EXPECT_EQ(problem("[[axis]]\nkey = \"bench.batch\"\nvalues = []\n"),
              "s.toml:6:1: 'axis.0' has no values (the grid would be empty)");
    EXPECT_EQ(problem("[[axis]]\nkey = \"bench.batch\"\nvalues = [1]\nrange = { from = 1, to = 2 }\n"),
              "s.toml:6:1: 'axis.0' needs one of values, range, linspace, logspace; it has several");
    EXPECT_EQ(
        problem("[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2, 1]\n"),
        "s.toml:8:17: 'axis.0' has \"1\" twice (each point would be there twice); take one out, or give "
        "'axis.0.labels' if they are not the same");
    EXPECT_EQ(
        problem("[[axis]]\nkey = \"bench.batch\"\nvalues = [1]\n[[axis]]\nkey = \"bench.batch\"\nname = "
                "\"b\"\nvalues = [2]\n"),
        "s.toml:10:7: two axes set 'bench.batch'; a key has one axis");
    EXPECT_EQ(
        problem("[[zip]]\nkeys = [\"bench.batch\", \"bench.tasks\"]\nvalues = [[1, 2], [3]]\n"),
        "s.toml:8:10: 'zip.0.values' has lists of unequal lengths, 2 and 1 (their values change together)");
    EXPECT_EQ(
        problem("[[axis]]\nkey = \"job.kind\"\nvalues = [\"bench\"]\n"),
        "s.toml:7:7: 'job.kind' cannot be an axis (kinds have different keys); give each kind a [[stage]]");
    EXPECT_EQ(problem("[[axis]]\nkey = \"job.store\"\nvalues = [\"here\"]\n"),
              "s.toml:7:7: 'job.store' cannot be an axis (the sweep says where its runs lie)");
    EXPECT_EQ(problem("[[axis]]\nkey = \"bench.batch\"\nrange = { from = 4, to = 1 }\n"),
              "s.toml:8:9: 'axis.0.range' never gets from 4 to 1 by 1");
    EXPECT_EQ(problem("[[axis]]\nkey = \"job.seed\"\nvalues = [1]\n[seeds]\ncount = 2\n"),
              "s.toml:1:1: a second axis is called 'seed'; give one of them a 'name'\n"
              "s.toml:1:1: two axes set 'job.seed'; a key has one axis");
}

TEST(SweepFile, ConditionsAndExcludesThatContradictAreRefused) {
    const std::string axes = bench_head + "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n";
    EXPECT_EQ(problems_of(axes + "[[exclude]]\n\"bench.batch\" = 3\n"),
              "s.toml:9:1: this exclude fits no point (it contradicts the axes or what is fixed)");
    EXPECT_EQ(problems_of(axes + "[[exclude]]\n\"bench.batsh\" = 1\n"),
              "s.toml:10:1: unknown key 'bench.batsh'; did you mean 'bench.batch'?");
    EXPECT_EQ(problems_of(axes + "[[exclude]]\n\"bench.repetitions\" = 3\n"),
              "s.toml:1:1: stage 'run' has no points left: its excludes drop all of them");
    EXPECT_EQ(
        problems_of(axes +
                    "[[when]]\nif = { \"bench.batch\" = 7 }\n[[when.axis]]\nkey = \"bench.tasks\"\nvalues "
                    "= [3]\n"),
        "s.toml:10:6: this condition holds at no point, so its axes never exist");
    EXPECT_EQ(problems_of(axes + "[[when]]\nif = { \"bench.batch\" = \"one\" }\n[[when.axis]]\nkey = "
                                 "\"bench.tasks\"\nvalues = [3]\n"),
              "s.toml:10:24: 'bench.batch' must be an integer, found text \"one\"");
}

TEST(SweepFile, ProblemsOfSeveralKeysNameAPointThatHasThem) {
    EXPECT_EQ(
        problems_of(bench_head + "[[axis]]\nkey = \"bench.active\"\nvalues = [1, 9]\n[[axis]]\nkey = "
                                 "\"bench.tasks\"\nvalues = [4, 12]\n"),
        "s.toml:1:1: 'bench.active' = 9 is more than 'bench.tasks' = 4 (at the point active=9 tasks=4)");
}

TEST(SweepFile, AMissingNameOrTableIsSaid) {
    EXPECT_EQ(problems_of("[fixed]\njob.kind = \"bench\"\n"), "s.toml:1:1: missing [sweep] with its 'name'");
    EXPECT_EQ(problems_of("[sweep]\nname = \"s\"\n"),
              "s.toml:1:1: missing 'job.kind', one of pretrain, head, finetune, bank, features, "
              "jacobian, posterior, baseline, evaluate, predict, bench");
    EXPECT_EQ(problems_of("[sweep]\nname = \"s\"\n[fixd]\n"),
              "s.toml:1:1: missing 'job.kind', one of pretrain, head, finetune, bank, features, "
              "jacobian, posterior, baseline, evaluate, predict, bench\ns.toml:3:2: unknown table 'fixd'; "
              "did you mean 'fixed'?");
}

TEST(SweepFile, AScaleReplacesAxesByNameAndMergesTables) {
    const std::string text = bench_head +
                             "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2, 3]\n[seeds]\ncount = 3\n"
                             "[scale.small.seeds]\ncount = 1\n[scale.small.fixed]\nbench.repetitions = 1\n"
                             "[[scale.small.axis]]\nkey = \"bench.batch\"\nvalues = [8]\n";
    EXPECT_EQ(Plan::parse(text, "s.toml").size(), 9u);
    const Plan small = Plan::parse(text, "s.toml", "small");
    ASSERT_EQ(small.size(), 1u);
    EXPECT_EQ(small.settings(0)[0].second, "8");
    EXPECT_EQ(small.cost(0), 1);
    EXPECT_EQ(problems_of(text, "smal"),
              "s.toml:11:1: there is no scale 'smal' in the file (it has small); did you mean 'small'?");
    EXPECT_EQ(problems_of(bench_head + "[[scale.x.axis]]\nkey = \"bench.batch\"\nvalues = [8]\n", "x"),
              "s.toml:6:1: scale 'x' changes the axis 'batch', which is not there");
}

using SweepIncludes = vtvc::testing::TemporaryFolder;

TEST_F(SweepIncludes, MergeSweepFilesAndBaseJobsAndRefuseCircles) {
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder() / name) << text;
        return (folder() / name).string();
    };
    write("base.toml", "[job]\nkind = \"bench\"\n[bench]\nbatch = 5\n");
    write("retry.toml", "[retry]\nmax_attempts = 7\n");
    const auto good =
        write("good.toml",
              "include = [\"retry.toml\"]\n[sweep]\nname = \"s\"\n[fixed]\ninclude = \"base.toml\"\n"
              "bench.tasks = 4\n");
    const Plan plan = Plan::load(good);
    EXPECT_EQ(plan.file().retry.max_attempts, 7);
    const auto job = plan.job(0, {});
    EXPECT_EQ(dynamic_cast<const BenchJob&>(*job).batch, 5);
    EXPECT_EQ(dynamic_cast<const BenchJob&>(*job).tasks, 4);

    write("a.toml", "include = [\"b.toml\"]\n");
    const auto round = write("b.toml", "include = [\"a.toml\"]\n[sweep]\nname = \"s\"\n");
    try {
        Plan::load(round);
        FAIL() << "a circle was read";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("includes itself"), std::string::npos) << error.what();
    }
}

TEST_F(SweepIncludes, TakeTheStagesOfAnotherFileBeforeTheirOwn) {
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder() / name) << text;
        return (folder() / name).string();
    };
    write("first.toml",
          "[[stage]]\nname = \"first\"\nfixed = { job = { kind = \"bench\" } }\n"
          "[scale.small.stage.first]\nfixed = { bench = { batch = 1 } }\n");
    const auto path =
        write("s.toml",
              "[sweep]\nname = \"s\"\nstages_from = \"first.toml\"\n"
              "[[stage]]\nname = \"second\"\nafter = \"first\"\nfixed = { job = { kind = \"bench\", "
              "seed = 3 } }\n[scale.small.stage.second]\nfixed = { bench = { tasks = 5 } }\n");
    const Plan plan = Plan::load(path, "small");
    EXPECT_EQ(names_of(plan), (Names{"first", "second"}));
    EXPECT_EQ(dynamic_cast<const BenchJob&>(*plan.job(0, {})).batch, 1);
    EXPECT_EQ(dynamic_cast<const BenchJob&>(*plan.job(1, {})).tasks, 5);
    EXPECT_EQ(plan.stages_before(1), std::vector<std::size_t>{0});
}

TEST(SweepFile, DamagedAnywhereItIsReadOrRefused) {
    const std::string text =
        bench_head +
        "[[axis]]\nkey = \"bench.batch\"\nrange = { from = 1, to = 3 }\n[[zip]]\nkeys = "
        "[\"bench.tasks\", \"bench.active\"]\nvalues = [[4, 5], [1, 2]]\n[[when]]\nif = { "
        "\"bench.batch\" = 2 }\n[[when.axis]]\nkey = \"bench.whole_network\"\nvalues = [true, "
        "false]\n[[exclude]]\n\"bench.batch\" = 3\n[seeds]\ncount = 2\n[retry]\nbackoff = { base "
        "= \"1s\" }\n";
    ASSERT_EQ(problems_of(text), "");
    for (std::size_t end = 0; end < text.size(); ++end) problems_of(text.substr(0, end));
    for (std::size_t at = 0; at < text.size(); ++at)
        for (const char other : {'0', '"', '[', '}', '\n', '='}) {
            std::string damaged = text;
            damaged[at] = other;
            problems_of(damaged);
        }
}

}  // namespace
}  // namespace vtvc::sweep
