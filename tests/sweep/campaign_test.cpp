// Faults, one after another, seeded: a small sweep is disturbed, then finished in peace. Afterwards every run
// is done once, with the bytes of the undisturbed sweep, and nothing is left running. VTVC_CAMPAIGN_FAULTS
// and VTVC_CAMPAIGN_SEED ask for more than the short slice; fault k of a seed is always the same.
#include <cerrno>
#include <cstdlib>
#include <random>
#include <set>

#include "house.hpp"

namespace vtvc::sweep {
namespace {

const std::string text =
    "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"bench\"\nbench.repetitions = 4\n"
    "[[axis]]\nkey = \"bench.batch\"\nvalues = [1, 2]\n[seeds]\ncount = 2\n"
    "[retry]\nmax_attempts = 2\nbackoff = { base = 0 }\n[resources]\ntime = 3\n";

int number(const char* name, int otherwise) {
    const char* value = std::getenv(name);
    return value ? std::atoi(value) : otherwise;
}

class Campaign : public testing::Test {
  protected:
    /// What fault k of this seed is, in words; disturbs the sweep with it.
    std::string disturb(const House& house, std::mt19937& chance) {
        const auto pick = [&](int below) {
            return static_cast<int>(chance() % static_cast<unsigned>(below));
        };
        switch (pick(6)) {
            case 0: {  // a system call of the manager, or of any process of a run, fails or is the last
                const std::vector<std::string> ways{
                    std::to_string(ENOSPC), std::to_string(EIO), "short", "kill", "kill-half", "kill-after"};
                const std::string how = ways[static_cast<std::size_t>(pick(6))],
                                  at = std::to_string(1 + pick(40));
                const fs::path where = pick(2) == 0 ? house.store() / "sweeps" : house.store() / "runs";
                Vtvc run(house, {"run", "s.toml", "--grace", "1"}, 0,
                         {{"LD_PRELOAD", VTVC_FAULT_SHIM},
                          {"VTVC_FAULT_FOLDER", where.string()},
                          {"VTVC_FAULT_AT", at},
                          {"VTVC_FAULT_HOW", how}});
                run.end();
                return "call " + at + " on " + where.filename().string() + ": " + how;
            }
            case 1: {  // the manager is killed
                Vtvc run(house, {"run", "s.toml"}, 20);
                const int after = 20 + pick(500);
                std::this_thread::sleep_for(std::chrono::milliseconds(after));
                run.process().send(SIGKILL);
                run.end();
                return "manager killed after " + std::to_string(after) + " ms";
            }
            case 2:
            case 3: {  // any process of a run is killed or stopped
                Vtvc run(house, {"run", "s.toml", "--grace", "0.2"}, 20);
                const int signal = pick(2) == 0 ? SIGKILL : SIGSTOP;
                std::this_thread::sleep_for(std::chrono::milliseconds(50 + pick(300)));
                std::vector<int> found;
                if (fs::exists(house.sweep().path)) found = house.processes();
                std::string what = "nobody hit";
                if (!found.empty()) {
                    ::kill(found[static_cast<std::size_t>(pick(static_cast<int>(found.size())))], signal);
                    what = "a process of a run got signal " + std::to_string(signal);
                }
                if (run.end(30s) ==
                    -1) {  // vtvc run itself stands still: nothing but its manager's end helps
                    run.process().send(SIGKILL);
                    run.end();
                }
                return what;
            }
            case 4: {  // two managers
                Vtvc first(house, {"run", "s.toml"}, 10);
                const fs::path other = house.folder() / "other";
                fs::create_directories(other);
                Child second({house.folder() / "vtvc", "sweep", "run", house.folder() / "s.toml", "--store",
                              house.store()},
                             {{"TMPDIR", house.folder() / "tmp"}}, other);
                first.end();
                second.wait(long_enough);
                return "two managers";
            }
            default: {  // a run folder that cannot be read, or holds nonsense
                Vtvc run(house, {"run", "s.toml"}, 20);
                std::this_thread::sleep_for(std::chrono::milliseconds(50 + pick(300)));
                run.process().send(SIGKILL);
                run.end();
                int hit = 0;
                std::error_code none;
                for (const auto& entry : fs::directory_iterator(house.store() / "runs", none))
                    if (!fs::exists(entry.path() / "DONE")) {
                        std::ofstream(entry.path() / "status.json") << "{\"state\": 7, \"pid\": \"x\"";
                        ++hit;
                    }
                return std::to_string(hit) + " damaged states";
            }
        }
    }
};

TEST_F(Campaign, EveryRunEndsOnceWithTheSameBytes) {
    const int faults = number("VTVC_CAMPAIGN_FAULTS", 12), seed = number("VTVC_CAMPAIGN_SEED", 1);
    const int first = number("VTVC_CAMPAIGN_FIRST", 0);
    const auto whole = undisturbed(text);
    ASSERT_EQ(whole.size(), 4u);
    for (int k = first; k < first + faults; ++k) {
        const House house;
        house.write(text);
        std::mt19937 chance(static_cast<unsigned>(seed * 1'000'003 + k));
        std::string what = disturb(house, chance);
        if (chance() % 3 == 0) what += ", then " + disturb(house, chance);
        SCOPED_TRACE("fault " + std::to_string(k) + " of seed " + std::to_string(seed) + ": " + what);
        if (house.sweep().exists()) {
            Vtvc again(house, {"retry", "s", "--failed"});
            EXPECT_EQ(again.end(), 0) << again.err();
        }
        Vtvc last(house, {"run", "s.toml"});
        ASSERT_EQ(last.end(), 0) << last.err();
        ASSERT_EQ(house.results(), whole);
        std::map<Key, int> done;
        for (const Record& record : parse_journal(read_text(house.sweep().journal())).records)
            if (record.kind == RecordKind::found ||
                (record.kind == RecordKind::end && record.state == State::done))
                ++done[record.run];
        ASSERT_EQ(done.size(), 4u);
        for (const auto& [key, count] : done) ASSERT_EQ(count, 1);
        ASSERT_TRUE(test::within(promised, [&] { return house.processes().empty(); }));
        if (number("VTVC_CAMPAIGN_FAULTS", 0) > 0) std::printf("%d: %s\n", k, what.c_str());
    }
}

}  // namespace
}  // namespace vtvc::sweep
