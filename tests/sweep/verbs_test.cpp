// Looking at sweeps and changing them, as a user types it.
#include "house.hpp"

namespace vtvc::sweep {
namespace {

const std::string text =
    "[sweep]\nname = \"s\"\nmetric = { name = \"value\" }\n[fixed]\njob.kind = \"bench\"\nbench.repetitions "
    "= 4\n"
    "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n"
    "[[axis]]\nname = \"fault\"\nkey = \"bench.isa\"\nvalues = [\"\", \"config\"]\n[retry]\nbackoff = { base "
    "= 0 }\n";

class SweepVerbs : public testing::Test {
  protected:
    SweepVerbs() {
        house_.write(text);
        Vtvc run(house_, {"run", "s.toml"});
        EXPECT_EQ(run.end(), 1) << run.err();
    }
    std::string said(std::vector<std::string> words, int code = 0) const {
        Vtvc run(house_, std::move(words));
        EXPECT_EQ(run.end(), code) << run.err();
        return run.out();
    }
    House house_;
};

TEST_F(SweepVerbs, StatusCountsAndNamesWhatFailed) {
    const auto about = nlohmann::json::parse(said({"status", "s", "--json"}, 1));
    EXPECT_EQ(about.at("done"), 2);
    EXPECT_EQ(about.at("failed"), 2);
    EXPECT_EQ(about.at("manager"), nullptr);
    EXPECT_EQ(about.at("best").at("metric"), "value");
    ASSERT_EQ(about.at("table").size(), 2u);
    EXPECT_EQ(about.at("table")[0].at("state"), "FAILED");
    EXPECT_EQ(about.at("table")[0].at("cause"), "config");
    EXPECT_NE(said({"status", "s"}, 1).find("run batch=1 fault=config  (config: told to refuse)"),
              std::string::npos);
}

TEST_F(SweepVerbs, ExplainSaysWhyAndWhatARetryWouldDo) {
    const std::string why = said({"explain", "s", "batch=1 fault=config"});
    EXPECT_NE(why.find("is FAILED"), std::string::npos) << why;
    EXPECT_NE(why.find("config: told to refuse"), std::string::npos) << why;
    EXPECT_NE(why.find("what is wrong in its file stays wrong"), std::string::npos) << why;
    EXPECT_NE(said({"explain", "s", "batch=1 fault=none"}).find("is DONE"), std::string::npos);
    said({"explain", "s", "batch=1"}, 2);
    said({"explain", "s", "batch=7"}, 2);
}

TEST_F(SweepVerbs, CancelAndRetryAreRemembered) {
    EXPECT_NE(said({"retry", "s", "--failed"}).find("2 runs to be tried again"), std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(said({"status", "s", "--json"}, 75)).at("planned"), 2);
    EXPECT_NE(said({"cancel", "s", "batch=1"}).find("1 runs cancelled"), std::string::npos);
    const auto about = nlohmann::json::parse(said({"status", "s", "--json"}, 75));
    EXPECT_EQ(about.at("cancelled"), 1);
    EXPECT_EQ(about.at("planned"), 1);
    const Plan plan = house_.plan();
    Vtvc again(house_, {"resume", "s"});
    EXPECT_EQ(again.end(), 1) << again.err();
    EXPECT_EQ(house_.starts(plan.key(1)), 1u) << "the cancelled one is left alone";
    EXPECT_EQ(house_.starts(plan.key(3)), 2u);
}

TEST_F(SweepVerbs, ARunningManagerIsAskedToCancel) {
    const House house;
    house.write(
        "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"bench\"\nbench.repetitions = 400\n[[axis]]\nkey = "
        "\"bench.batch\"\nvalues = [1, 2, 3]\n");
    Vtvc run(house, {"run", "s.toml"}, 50);
    ASSERT_TRUE(
        test::within(long_enough, [&] { return house.sweep().exists() && !house.processes().empty(); }));
    const fs::path other = house.folder() / "other";
    fs::create_directory(other);
    Child cancel(
        {house.folder() / "vtvc", "sweep", "cancel", "s", "--all", "--json", "--store", house.store()}, {},
        other);
    ASSERT_EQ(cancel.wait(long_enough), 0) << cancel.err();
    EXPECT_EQ(nlohmann::json::parse(cancel.out()).at("asked_manager"), true);
    EXPECT_EQ(run.end(), 0) << run.err();
    for (const auto& [key, about] : house.state().runs) EXPECT_EQ(about.state, State::cancelled);
    EXPECT_TRUE(house.results().empty());
}

TEST_F(SweepVerbs, ExportHasARowARun) {
    const std::string csv = said({"export", "s"});
    EXPECT_EQ(csv.substr(0, csv.find('\n')), "key,id,stage,batch,fault,state,attempts,seconds,step,value");
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
    const auto runs = nlohmann::json::parse(said({"export", "s", "--format", "json"})).at("runs");
    ASSERT_EQ(runs.size(), 4u);
    EXPECT_TRUE(runs[0].at("numbers").contains("value"));
    EXPECT_EQ(runs[1].at("state"), "FAILED");
}

TEST_F(SweepVerbs, VerifyMissesARunThatHasGone) {
    EXPECT_NE(said({"verify", "s"}).find("2 finished runs, 0 damaged"), std::string::npos);
    const Plan plan = house_.plan();
    fs::remove_all(house_.store() / "runs" / key_text(plan.key(0)));
    EXPECT_NE(said({"verify", "s"}, 1).find("run batch=1 fault=none: "), std::string::npos);
    // And the sweep does it again.
    Vtvc again(house_, {"run", "s"});
    EXPECT_EQ(again.end(), 1) << again.err();
    EXPECT_EQ(house_.results().size(), 2u);
}

TEST_F(SweepVerbs, GcTakesNothingOfRunsThatAreNotDone) {
    const Plan plan = house_.plan();
    said({"gc", "s", "--dry-run"});
    EXPECT_TRUE(fs::exists(house_.sweep().log(plan.key(0))));
    said({"gc", "s"});
    EXPECT_FALSE(fs::exists(house_.sweep().log(plan.key(0))));
    EXPECT_TRUE(fs::exists(house_.sweep().log(plan.key(1))));
    EXPECT_TRUE(fs::exists(house_.sweep().job(plan.key(1))));
    EXPECT_EQ(house_.results().size(), 2u);
}

}  // namespace
}  // namespace vtvc::sweep
