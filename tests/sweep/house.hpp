#pragma once
// A folder with the real program, the small worker in place of vtvc-worker, and a store: a sweep as a user
// runs it.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "../sharding/child.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/sweep/claim.hpp"
#include "vtvc/sweep/folder.hpp"
#include "vtvc/sweep/journal.hpp"
#include "vtvc/sweep/state.hpp"

namespace vtvc::sweep {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::Child;
using test::Scratch;

inline constexpr auto long_enough = 120s;
inline constexpr auto promised = 5s;

/// A folder with both programs, a store and a sweep file.
class House {
  public:
    House() {
        fs::create_symlink(VTVC_BIN_DIR "/sweep_worker", folder_ / "vtvc-worker");
        fs::copy_file(VTVC_BIN_DIR "/vtvc", folder_ / "vtvc");
        fs::create_directory(folder_ / "tmp");
    }
    void write(const std::string& text, const std::string& name = "s.toml") const {
        std::ofstream(folder_ / name) << text;
    }
    fs::path store() const { return folder_ / "store"; }
    SweepFolder sweep() const { return sweep_folder(store(), "s"); }
    const Scratch& folder() const { return folder_; }
    std::optional<Owner> owner() const {
        if (!fs::exists(sweep().path)) return std::nullopt;
        return last_owner(sweep().path);
    }
    Plan plan() const { return Plan::load((folder_ / "s.toml").string()); }
    SweepState state() const { return replay(parse_journal(read_text(sweep().journal())).records); }
    std::size_t starts(Key key) const {
        const auto contents = parse_journal(read_text(sweep().journal()));
        return static_cast<std::size_t>(
            std::count_if(contents.records.begin(), contents.records.end(),
                          [&](const Record& r) { return r.kind == RecordKind::start && r.run == key; }));
    }
    /// result.json and metrics.jsonl of every run, by id.
    std::map<std::string, std::string> results() const {
        std::map<std::string, std::string> all;
        for (const auto& entry : fs::directory_iterator(store() / "runs"))
            if (fs::exists(entry.path() / "DONE"))
                all[entry.path().filename()] =
                    read_text(entry.path() / "result.json") + read_text(entry.path() / "metrics.jsonl");
        return all;
    }
    /// Processes that belong to this sweep.
    std::vector<int> processes() const {
        std::vector<int> found;
        const std::string mark = "VTVC_SWEEP=" + fs::canonical(sweep().path).string();
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const int pid = std::atoi(entry.path().filename().c_str());
            if (pid > 0 && test::read(entry.path() / "environ").find(mark) != std::string::npos &&
                test::is_alive(pid))
                found.push_back(pid);
        }
        return found;
    }

  private:
    Scratch folder_;
};

class Vtvc {
  public:
    Vtvc(const House& house, std::vector<std::string> words, int step_ms = 0,
         std::map<std::string, std::string> environment = {})
        : child_(command(house, std::move(words)), with(house, step_ms, std::move(environment)),
                 house.folder().path()) {}
    int end(std::chrono::duration<double> time = long_enough) { return child_.wait(time); }
    Child& process() { return child_; }
    std::string out() const { return child_.out(); }
    std::string err() const { return child_.err(); }

  private:
    static std::map<std::string, std::string> with(const House& house, int step_ms,
                                                   std::map<std::string, std::string> environment) {
        environment.insert({{"TMPDIR", house.folder() / "tmp"}, {"VTVC_STEP_MS", std::to_string(step_ms)}});
        return environment;
    }
    static std::vector<std::string> command(const House& house, std::vector<std::string> words) {
        for (std::string& word : words)  // programs are not started in the house's folder
            if (word == "s.toml") word = house.folder() / word;
        words.insert(words.begin(), {house.folder() / "vtvc", "sweep"});
        words.insert(words.end(), {"--store", house.store()});
        return words;
    }
    Child child_;
};

/// What an undisturbed sweep of the same file gives.
inline std::map<std::string, std::string> undisturbed(const std::string& text) {
    const House house;
    house.write(text);
    Vtvc run(house, {"run", "s.toml"});
    EXPECT_EQ(run.end(), 0) << run.err();
    return house.results();
}

}  // namespace vtvc::sweep
