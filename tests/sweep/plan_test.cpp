// The runs of a sweep file: which, in what order, with what ids, and what they wait for.
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

#include "../core/temporary_folder.hpp"
#include "sweeps.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/storage/run_identity.hpp"
#include "vtvc/sweep/stock.hpp"

namespace vtvc::sweep {
namespace {

using Names = std::vector<std::string>;
using SweepPlan = vtvc::testing::TemporaryFolder;

TEST(Plan, AxesZipsConditionsAndExcludesMakeTheseRuns) {
    const Plan plan =
        Plan::parse(bench_head +
                        "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n"
                        "[[zip]]\nname = \"pair\"\nkeys = [\"bench.tasks\", \"bench.active\"]\nvalues = "
                        "[[4, 8], [1, 2]]\n"
                        "[[when]]\nif = { \"bench.tasks\" = 8 }\n"
                        "[[when.axis]]\nkey = \"model.depth\"\nvalues = [1, 2]\n"
                        "[[exclude]]\n\"bench.batch\" = 2\n\"bench.tasks\" = 4\n",
                    "s.toml");
    EXPECT_EQ(names_of(plan),
              (Names{"run batch=1 pair=4", "run batch=1 pair=8 depth=1", "run batch=1 pair=8 depth=2",
                     "run batch=2 pair=8 depth=1", "run batch=2 pair=8 depth=2"}));
    const auto job = plan.job(2, {});
    const auto& bench = dynamic_cast<const BenchJob&>(*job);
    EXPECT_EQ(bench.batch, 1);
    EXPECT_EQ(bench.tasks, 8);
    EXPECT_EQ(bench.active, 2);
    EXPECT_EQ(bench.model.depth, 2);
    EXPECT_EQ(dynamic_cast<const BenchJob&>(*plan.job(0, {})).model.depth, 12)
        << "not where the condition fails";
}

TEST(Plan, RangesAreInclusiveAndSpacesHitTheirEnds) {
    const Plan plan = Plan::parse(
        "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"bench\"\n[[axis]]\nkey = \"bench.batch\"\nrange = { "
        "from = 2, to = "
        "10, step = 4 }\n",
        "s.toml");
    EXPECT_EQ(names_of(plan), (Names{"run batch=2", "run batch=6", "run batch=10"}));
    const Plan space = Plan::parse(
        "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"pretrain\"\ninput.data = \"sweeps.hpp\"\n[[axis]]\nkey "
        "= "
        "\"train.lr\"\nlogspace = { from = 1e-3, to = 1e-1, count = 3 }\n[[axis]]\nkey = "
        "\"train.clip\"\nlinspace = { "
        "from = 0.0, to = 1.0, count = 3 }\n",
        VTVC_TEST_SOURCE_DIR "/sweeps.hpp");  // the input is found beside it
    EXPECT_EQ(space.size(), 9u);
    EXPECT_EQ(space.name(4), "run lr=0.01 clip=0.5");
}

TEST(Plan, SeedsDependOnTheSweepsSeedAndTheirNumberAlone) {
    const std::string axis = "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n";
    const Plan three = Plan::parse(bench_head + axis + "[seeds]\ncount = 3\n", "s.toml");
    const Plan five = Plan::parse(bench_head + "[seeds]\ncount = 5\n", "s.toml");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(three.settings(i).back(), five.settings(i).back());
        EXPECT_EQ(three.settings(i).back(), three.settings(3 + i).back()) << "the same at every point";
    }
    EXPECT_EQ(seed_of(0, 1), seed_of(0, 1));
    std::set<std::int64_t> seeds;
    for (int i = 0; i < 1000; ++i) {
        seeds.insert(seed_of(0, i));
        seeds.insert(seed_of(1, i));
    }
    EXPECT_EQ(seeds.size(), 2000u);
    EXPECT_GE(*seeds.begin(), 0);
}

TEST(Plan, AKeyIsTheRunsIdWhereNothingIsReferredTo) {
    const Plan plan =
        Plan::parse(bench_head +
                        "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n[[axis]]\nkey = "
                        "\"model.depth\"\nvalues = [12, 3]\n[[when]]\nif = { \"bench.batch\" = 2 "
                        "}\n[[when.axis]]\nkey = \"bench.isa\"\nvalues = [\"avx2\", \"baseline\"]\n[seeds]\n"
                        "count = 2\n",
                    "s.toml");
    ASSERT_EQ(plan.size(), 12u);
    for (std::size_t i = 0; i < plan.size(); ++i)
        EXPECT_EQ(key_text(plan.key(i)), identify(*plan.job(i, {})).id) << plan.name(i);
}

TEST(Plan, PointsThatDifferInExecutionOnlyAreOneRun) {
    const Plan plan =
        Plan::parse(bench_head + "[[axis]]\nkey = \"job.threads\"\nvalues = [1, 2]\n", "s.toml");
    EXPECT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan.runs(), 1u);
    EXPECT_EQ(plan.same_as(1), 0u);
    EXPECT_EQ(plan.resources(1).cpus, 2);
}

/// Data, a base, heads and fine-tuned networks for two sets, a bank; files that exist are plain texts.
std::string staged() {
    return "[sweep]\nname = \"s\"\nseed = 4\n"
           "[[stage]]\nname = \"base\"\nfixed = { job = { kind = \"pretrain\" }, input = { data = \"f.h5\" } "
           "}\n"
           "[[stage]]\nname = \"head\"\n[stage.fixed]\njob.kind = \"head\"\ninput.base = \"@base/model.h5\"\n"
           "[[stage.axis]]\nkey = \"input.data\"\nname = \"set\"\nvalues = [\"greek.h5\", \"digits.h5\"]\n"
           "[[stage]]\nname = \"tune\"\n[stage.fixed]\njob.kind = \"finetune\"\ninput.base = "
           "\"@base/model.h5\"\n"
           "input.head = \"@head/head.h5\"\n"
           "[[stage.axis]]\nkey = \"input.data\"\nname = \"set\"\nvalues = [\"greek.h5\", \"digits.h5\"]\n"
           "[stage.seeds]\ncount = 2\n"
           "[[stage]]\nname = \"bank\"\n[stage.fixed]\njob.kind = \"bank\"\ninput.base = \"@base/model.h5\"\n"
           "[[stage.fixed.task]]\nname = \"g\"\nmodel = \"@tune{set=greek}/model.h5\"\n"
           "[[stage.fixed.task]]\nname = \"d\"\nmodel = \"@tune{set=digits}/model.h5\"\n"
           "[stage.seeds]\ncount = 2\n"
           "[[stage]]\nname = \"look\"\neach = \"tune\"\n[stage.fixed]\njob.kind = \"features\"\n"
           "input.model = \"@tune/model.h5\"\ninput.data = \"f.h5\"\n";
}

class Staged : public SweepPlan {
  protected:
    Staged() {
        for (const char* name : {"f.h5", "greek.h5", "digits.h5"}) std::ofstream(folder() / name) << name;
    }
    Plan plan(const std::string& text = staged()) const {
        return Plan::parse(text, (folder() / "s.toml").string());
    }
    std::string wrong(const std::string& from, const std::string& to) const {
        std::string text = staged();
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos);
        text.replace(at, from.size(), to);
        try {
            plan(text);
            return "";
        } catch (const ConfigError& error) {
            std::string what = error.what();
            for (std::size_t p = 0; (p = what.find(folder().string() + "/")) != std::string::npos;)
                what.erase(p, folder().string().size() + 1);
            return what;
        }
    }
};

TEST_F(Staged, RunsNeedTheRunsTheyReferTo) {
    const Plan p = plan();
    const auto needs = [&](const std::string& name) {
        for (std::size_t i = 0; i < p.size(); ++i) {
            if (p.name(i) != name) continue;
            Names names;
            for (const std::size_t other : p.needs(i)) names.push_back(p.name(other));
            return names;
        }
        return Names{"no such run"};
    };
    const std::string seed = std::to_string(seed_of(4, 1));
    EXPECT_EQ(p.size(), 1u + 2 + 4 + 2 + 4);
    EXPECT_EQ(needs("base"), Names{});
    EXPECT_EQ(needs("head set=digits"), Names{"base"});
    EXPECT_EQ(needs("tune set=greek seed=" + seed), (Names{"base", "head set=greek"}));
    EXPECT_EQ(needs("bank seed=" + seed),
              (Names{"base", "tune set=greek seed=" + seed, "tune set=digits seed=" + seed}));
    EXPECT_EQ(needs("look set=digits seed=" + seed), (Names{"tune set=digits seed=" + seed}));
}

TEST_F(Staged, ReferencesThatMeanNothingOrTooMuchAreRefused) {
    EXPECT_EQ(
        wrong("@head/head.h5", "@heads/head.h5"),
        "s.toml:21:14: reference \"@heads/head.h5\" to the stage 'heads', which is not there; did you mean "
        "'head'?");
    EXPECT_EQ(wrong("@tune{set=greek}/model.h5", "@tune/model.h5"),
              "s.toml:35:9: reference \"@tune/model.h5\" leaves open which run of stage 'tune' is meant; say "
              "@tune{set=greek}/model.h5, or one of greek, digits");
    EXPECT_EQ(wrong("@tune{set=greek}", "@tune{set=grek}"),
              "s.toml:35:9: reference \"@tune{set=grek}/model.h5\": axis 'set' of stage 'tune' has no "
              "\"grek\" (it has "
              "greek, digits); did you mean 'greek'?");
    EXPECT_EQ(wrong("@head/head.h5", "@head"),
              "s.toml:21:14: a reference is written @stage/file or @stage{axis=label}/file, found \"@head\"");
    const std::string seed = std::to_string(seed_of(4, 0)), other = std::to_string(seed_of(4, 1));
    EXPECT_EQ(wrong("input.base = \"@base/model.h5\"\n[[stage.axis]]",
                    "input.base = \"@bank/model.h5\"\n[[stage.axis]]"),
              "s.toml:7:1: stage 'head' needs itself, directly or through other stages\n"
              "s.toml:11:14: reference \"@bank/model.h5\" leaves open which run of stage 'bank' is meant; "
              "say @bank{seed=" +
                  seed + "}/model.h5, or one of " + seed + ", " + other);
    EXPECT_EQ(wrong("\"f.h5\" } }", "\"g.h5\" } }"), "s.toml:6:57: g.h5: no such file");
}

TEST_F(Staged, TheFrozenTextGivesTheSamePlanFromAnywhere) {
    const Plan p = plan();
    const Plan again = Plan::parse(p.frozen(), "/nowhere/resolved.toml");
    EXPECT_EQ(again.frozen(), p.frozen());
    ASSERT_EQ(again.size(), p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
        EXPECT_EQ(again.key(i), p.key(i));
        EXPECT_EQ(again.name(i), p.name(i));
        EXPECT_EQ(again.needs(i), p.needs(i));
    }
}

TEST_F(Staged, IdsBecomeKnownAsRunsAreDone) {
    const Plan p = plan();
    const auto store = folder() / "store";
    Stock stock(p, store);
    EXPECT_EQ(stock.id(0), key_text(p.key(0)));
    EXPECT_FALSE(stock.done(0));
    EXPECT_EQ(stock.id(1), "") << "its base is not there";
    std::filesystem::create_directories(stock.folder(0));
    std::ofstream(stock.folder(0) / "model.h5") << "weights";
    std::ofstream(stock.folder(0) / "DONE");
    EXPECT_TRUE(stock.done(0));
    EXPECT_EQ(stock.id(1), identify(*stock.job(1)).id);
    EXPECT_NE(stock.id(1), key_text(p.key(1)));
    EXPECT_EQ(dynamic_cast<const HeadJob&>(*stock.job(1)).base, (stock.folder(0) / "model.h5").string());
}

TEST_F(SweepPlan, TheShippedSweepsArePlannedInFullAndSmall) {
    namespace fs = std::filesystem;
    const fs::path shipped = fs::path(VTVC_TEST_SOURCE_DIR) / "../../experiments";
    for (const char* part : {"demo", "shared"})
        fs::copy(shipped / part, folder() / part, fs::copy_options::recursive);
    fs::create_directory(folder() / "data");
    for (const char* set : {"foundation", "greek", "greek-mixed", "greek-rotated90", "greek-rotated180",
                            "greek-inverted", "greek-blurred", "greek-mirrored"})
        std::ofstream(folder() / "data" / (std::string(set) + ".h5")) << set;
    int planned = 0;
    for (const auto& entry : fs::directory_iterator(shipped))
        if (entry.path().extension() == ".toml") fs::copy(entry.path(), folder());
    for (const auto& [name, runs, small] : {std::tuple{"smoke", 13u, 13u},
                                            {"binary", 39u, 21u},
                                            {"prior", 159u, 69u},
                                            {"gating", 139u, 61u},
                                            {"architecture", 109u, 49u}}) {
        const std::string path = (folder() / name).string() + ".toml";
        EXPECT_EQ(Plan::load(path).runs(), runs) << name;
        EXPECT_EQ(Plan::load(path, "small").runs(), small) << name;
        ++planned;
    }
    EXPECT_EQ(planned, 5);
}

TEST(Plan, AHundredThousandRunsArePlannedInASecond) {
    const std::string text = bench_head +
                             "[[axis]]\nkey = \"bench.batch\"\nrange = { from = 1, to = 100 }\n"
                             "[[axis]]\nkey = \"bench.tasks\"\nrange = { from = 11, to = 30 }\n"
                             "[[axis]]\nkey = \"bench.active\"\nrange = { from = 1, to = 10 }\n"
                             "[seeds]\ncount = 5\n";
#ifdef __SANITIZE_ADDRESS__
    constexpr double limit_s = 20;
#else
    constexpr double limit_s = 1;
#endif
    double least = 1e9;
    for (int i = 0; i < 12 && least >= limit_s; ++i) {  // other programs may hold the cores for a while
        const std::clock_t begin = std::clock();
        const Plan plan = Plan::parse(text, "s.toml");
        ASSERT_EQ(plan.runs(), 100'000u);
        EXPECT_LE(plan.bytes_a_run(), 1000u);
        least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    EXPECT_LT(least, limit_s);
    RecordProperty("seconds", std::to_string(least));
}

}  // namespace
}  // namespace vtvc::sweep
