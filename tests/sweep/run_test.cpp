// vtvc sweep run, with the real program and a small real worker: exactly once, whatever is killed.
#include <regex>

#include "house.hpp"

namespace vtvc::sweep {
namespace {

const std::string grid =
    "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"bench\"\nbench.repetitions = 6\n"
    "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2, 3]\n[seeds]\ncount = 2\n[retry]\nbackoff = { base = 0 "
    "}\n";

std::string with_faults(const std::string& faults) {
    return grid + "[[axis]]\nname = \"fault\"\nkey = \"bench.isa\"\nvalues = [" + faults + "]\n";
}

TEST(SweepRun, DoesEveryRunOnceAndNothingTheSecondTime) {
    const House house;
    house.write(grid);
    Vtvc run(house, {"run", "s.toml", "--json"});
    ASSERT_EQ(run.end(), 0) << run.err();
    const auto about = nlohmann::json::parse(run.out());
    EXPECT_EQ(about.at("done"), 6);
    EXPECT_EQ(about.at("failed"), 0);
    const Plan plan = house.plan();
    for (std::size_t i = 0; i < plan.size(); ++i) EXPECT_EQ(house.starts(plan.key(i)), 1u);
    EXPECT_EQ(house.results().size(), 6u);
    const auto before = house.results();
    Vtvc again(house, {"run", "s.toml"});
    ASSERT_EQ(again.end(), 0) << again.err();
    for (std::size_t i = 0; i < plan.size(); ++i) EXPECT_EQ(house.starts(plan.key(i)), 1u);
    EXPECT_EQ(house.results(), before);
    // Another sweep of the same work in the same store starts none of it either.
    house.write(std::regex_replace(grid, std::regex("\"s\""), "\"other\""));
    Vtvc other(house, {"run", "s.toml", "--json"});
    ASSERT_EQ(other.end(), 0) << other.err();
    EXPECT_EQ(nlohmann::json::parse(other.out()).at("done"), 6);
    EXPECT_EQ(house.results(), before);
}

TEST(SweepRun, LeavesTheTablesThatItsFileAsksFor) {
    const House house;
    house.write(grid + "[record]\nexport = [\"csv\", \"json\"]\n");
    Vtvc run(house, {"run", "s.toml"});
    ASSERT_EQ(run.end(), 0) << run.err();
    const auto folder = house.sweep().path;
    Vtvc csv(house, {"export", "s.toml"});
    ASSERT_EQ(csv.end(), 0);
    EXPECT_EQ(read_text(folder / "runs.csv"), csv.out());
    Vtvc json(house, {"export", "s.toml", "--json"});
    ASSERT_EQ(json.end(), 0);
    EXPECT_EQ(read_text(folder / "runs.json"), json.out());
    EXPECT_EQ(nlohmann::json::parse(json.out()).at("runs").size(), 6u);
}

TEST(SweepRun, AKilledRunIsTriedAgainAndEndsAsTheUndisturbedOne) {
    const House house;
    house.write(with_faults("\"kill-once\""));
    Vtvc run(house, {"run", "s.toml"});
    ASSERT_EQ(run.end(), 0) << run.err();
    const Plan plan = house.plan();
    for (std::size_t i = 0; i < plan.size(); ++i) EXPECT_EQ(house.starts(plan.key(i)), 2u);
    EXPECT_NE(run.err().find("killed by signal 9"), std::string::npos) << run.err();
    // The fault's name is part of the run's id, not of its numbers.
    std::multiset<std::string> own, other;
    for (const auto& [id, text] : house.results()) own.insert(text);
    for (const auto& [id, text] : undisturbed(grid)) other.insert(text);
    EXPECT_EQ(own, other);
}

TEST(SweepRun, EveryWayToFailHasItsStateAndCause) {
    const House house;
    house.write(with_faults("\"fail\", \"config\", \"kill\", \"stall\", \"nan\", \"\""));
    Vtvc run(house, {"run", "s.toml"});
    ASSERT_EQ(run.end(), 1) << run.err();
    const Plan plan = house.plan();
    const auto state = house.state();
    std::map<std::string, std::pair<State, std::string>> expected{
        {"fail", {State::failed, "error"}},  {"config", {State::failed, "config"}},
        {"kill", {State::failed, "signal"}}, {"stall", {State::failed_no_progress, ""}},
        {"nan", {State::failed, "nan"}},     {"none", {State::done, ""}}};
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const auto& run_state = state.run(plan.key(i));
        const auto& [want, cause] = expected.at(plan.settings(i)[1].second);
        EXPECT_EQ(state_name(run_state.state), state_name(want)) << plan.name(i);
        EXPECT_EQ(run_state.cause, cause) << plan.name(i);
        EXPECT_EQ(fs::exists(house.sweep().job(plan.key(i))), want != State::done) << "kept for looking at";
    }
    EXPECT_EQ(house.results().size(), 6u);
}

TEST(SweepRun, ARunOverItsTimeIsStoppedAndSaysSo) {
    const House house;
    house.write(with_faults("\"hang\"") + "[resources]\ntime = 0.3\n");
    Vtvc run(house, {"run", "s.toml"});
    ASSERT_EQ(run.end(), 1) << run.err();
    const Plan plan = house.plan();
    EXPECT_EQ(house.state().run(plan.key(0)).cause, "time");
}

TEST(SweepRun, AskedToStopItWritesCheckpointsAndGoesOnFromThem) {
    const House house;
    house.write(grid);
    Vtvc run(house, {"run", "s.toml"}, 100);
    ASSERT_TRUE(test::within(long_enough,
                             [&] { return !house.sweep().exists() ? false : !house.processes().empty(); }));
    std::this_thread::sleep_for(300ms);
    run.process().send(SIGTERM);
    EXPECT_EQ(run.end(promised), 75) << run.err();
    EXPECT_TRUE(house.processes().empty());
    EXPECT_LT(house.results().size(), 6u);
    Vtvc more(house, {"resume", "s"});
    EXPECT_EQ(more.end(), 0) << more.err();
    EXPECT_EQ(house.results(), undisturbed(grid));
}

TEST(SweepRun, KilledItsRunsDieAndTheNextManagerFinishesEachOnce) {
    const auto whole = undisturbed(grid);
    const House house;
    house.write(grid);
    int kills = 0;
    for (int round = 0; round < 4; ++round) {
        Vtvc run(house, {"run", "s.toml"}, 60);
        std::this_thread::sleep_for(std::chrono::milliseconds(250 + 130 * round));
        run.process().send(SIGKILL);
        const int code = run.end();
        if (code == 0) break;  // a quick machine is done by the last rounds
        EXPECT_EQ(code, 137);
        ++kills;
        if (!fs::exists(house.sweep().path)) continue;
        EXPECT_TRUE(test::within(promised, [&] { return house.processes().empty(); }));
    }
    EXPECT_GE(kills, 1);
    Vtvc last(house, {"run", "s.toml"});
    ASSERT_EQ(last.end(), 0) << last.err();
    EXPECT_EQ(house.results(), whole);
    const auto contents = parse_journal(read_text(house.sweep().journal()));
    std::map<Key, int> done;
    for (const Record& record : contents.records)
        if (record.kind == RecordKind::found ||
            (record.kind == RecordKind::end && record.state == State::done))
            ++done[record.run];
    EXPECT_EQ(done.size(), 6u);
    for (const auto& [key, count] : done) EXPECT_EQ(count, 1);
}

TEST(SweepRun, TheSecondManagerSaysWhoHoldsTheSweep) {
    const House house;
    house.write(grid);
    Vtvc first(house, {"run", "s.toml"}, 200);
    ASSERT_TRUE(
        test::within(long_enough, [&] { return house.sweep().exists() && house.owner().has_value(); }));
    const auto owner = *house.owner();
    const fs::path other = house.folder() / "second";
    fs::create_directory(other);
    Child second({house.folder() / "vtvc", "sweep", "run", "s", "--store", house.store()}, {}, other);
    EXPECT_EQ(second.wait(long_enough), 2);
    EXPECT_TRUE(std::regex_search(second.err(), std::regex("managed by process " + std::to_string(owner.pid) +
                                                           " on host [^ ]+ since 20[0-9-]+T")))
        << second.err();
    first.process().send(SIGKILL);
    first.end();
    Vtvc third(house, {"run", "s"});
    EXPECT_EQ(third.end(), 0) << third.err();
    EXPECT_NE(third.err().find("went on from process " + std::to_string(owner.pid)), std::string::npos)
        << third.err();
}

TEST(SweepRun, AChangedFileIsRefusedUntilItIsAskedToExtend) {
    const House house;
    house.write(grid);
    Vtvc first(house, {"run", "s.toml"});
    ASSERT_EQ(first.end(), 0) << first.err();
    house.write(std::regex_replace(grid, std::regex("\\[1, 2, 3\\]"), "[2, 3, 4]"));
    Vtvc second(house, {"run", "s.toml"});
    EXPECT_EQ(second.end(), 2);
    EXPECT_NE(second.err().find("4 runs stay, 2 are new: run batch=4"), std::string::npos) << second.err();
    EXPECT_EQ(house.results().size(), 6u);
    Vtvc third(house, {"extend", "s.toml"});
    EXPECT_EQ(third.end(), 0) << third.err();
    EXPECT_EQ(house.results().size(), 8u);
    EXPECT_EQ(house.starts(house.plan().key(0)), 1u);
}

TEST(SweepRun, RunsThatNeedMoreThanThereIsAreRefused) {
    const House house;
    house.write(grid + "[resources]\nranks = 4000\n");
    Vtvc run(house, {"run", "s.toml"});
    EXPECT_EQ(run.end(), 2);
    EXPECT_NE(run.err().find("needs 4000 cores"), std::string::npos) << run.err();
    house.write("[sweep]\nname = \"s2\"\nmax_runs = 5\n" + grid.substr(grid.find("[fixed]")));
    Vtvc many(house, {"run", "s.toml"});
    EXPECT_EQ(many.end(), 2);
    EXPECT_NE(many.err().find("6 runs are more than sweep.max_runs = 5"), std::string::npos) << many.err();
}

}  // namespace
}  // namespace vtvc::sweep
