#pragma once
// A small world on disk for tests of the programs themselves: a base data set, two tasks, job files, and ways
// to run vtvc-worker and look at what it left. Images are 8 × 8; the network has one narrow block, so that a
// whole path takes seconds.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vtvc::testing {

struct Outcome {
    int code = 0;      ///< exit code, or 128 + signal
    std::string text;  ///< stdout and stderr together
};
/// Runs a shell command; seconds bounds it (timeout's 124 when it is passed).
Outcome shell(const std::string& command, int seconds = 120);

class SmallWorld {
  public:
    SmallWorld();
    ~SmallWorld();
    SmallWorld(const SmallWorld&) = delete;
    SmallWorld& operator=(const SmallWorld&) = delete;

    std::filesystem::path file(const std::string& name) const { return folder_ / name; }
    /// Writes NAME.toml; "job.out" is set to runs/NAME.
    void write_job(const std::string& name, const std::string& toml) const;
    /// The command line of vtvc-worker for a job on so many ranks.
    std::string command(const std::string& name, int ranks, const std::vector<std::string>& sets = {}) const;
    Outcome run(const std::string& name, int ranks = 1, const std::vector<std::string>& sets = {}) const;
    std::filesystem::path result(const std::string& name, const std::string& file) const {
        return folder_ / "runs" / name / file;
    }
    /// Runs everything up to features and the bank, once; fails the test with the output otherwise.
    void prepare();
    /// Lines of metrics.jsonl as text.
    std::vector<std::string> metrics(const std::string& name) const;

  private:
    std::filesystem::path folder_;
};

/// One world for all tests of a program, prepared on first use.
SmallWorld& world();

/// A job of the world once more, under another name in a store of its own, so that no earlier result is
/// found.
Outcome run_apart(const std::string& job, const std::string& name, int ranks,
                  const std::vector<std::string>& sets = {});

/// Names and bytes of every tensor of a method file, hashed: equal exactly when the method is.
std::string method_digest(const std::filesystem::path& method);

}  // namespace vtvc::testing
