#pragma once
// What a sweep file amounts to: every run with its key, what it waits for, what it needs, and its job when
// somebody asks for it. Nothing is run, and nothing is kept for a run but its choices and its key.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vtvc/core/jobs.hpp"
#include "vtvc/sweep/sweep_file.hpp"

namespace vtvc::sweep {

class Grid;

/// Names a run before it can be run: as run_id(), but an input that another run of the sweep makes counts by
/// that run's key. Where nothing is referred to, it is the run's id.
using Key = std::uint64_t;
std::string key_text(Key key);

class Plan {
  public:
    /// Reads a sweep file; ConfigError lists everything that is wrong with it, a line each.
    static Plan load(const std::string& path, const std::string& scale = "");
    static Plan parse(const std::string& text, const std::string& name, const std::string& scale = "");
    Plan(Plan&&) noexcept;
    Plan& operator=(Plan&&) noexcept;
    ~Plan();

    const SweepFile& file() const { return *file_; }
    /// Points of all stages, numbered in the order of the stages; a point is one run, but see same_as().
    std::size_t size() const { return keys_.size(); }
    /// Points that are runs of their own.
    std::size_t runs() const { return runs_; }
    std::size_t stage_of(std::size_t point) const;
    /// First point of a stage, and one behind its last.
    std::pair<std::size_t, std::size_t> points_of(std::size_t stage) const;
    Key key(std::size_t point) const { return keys_[point]; }
    /// The first point with the same key: the same work, done once.
    std::size_t same_as(std::size_t point) const;
    /// The point of a key; size() when there is none.
    std::size_t find(Key key) const;

    /// Axis and label, for every axis that exists at the point.
    std::vector<std::pair<std::string, std::string>> settings(std::size_t point) const;
    /// "posterior inclusion=0.5 seed=7"
    std::string name(std::size_t point) const;
    /// Points whose files the point's job reads, each once.
    std::vector<std::size_t> needs(std::size_t point) const;
    /// Stages of which every run must be done before.
    const std::vector<std::size_t>& stages_before(std::size_t stage) const { return before_[stage]; }
    /// The job; path_of tells where a file of another point's run lies.
    using PathOf = std::function<std::string(std::size_t point, const std::string& file)>;
    std::unique_ptr<Job> job(std::size_t point, const PathOf& path_of) const;

    struct Needs {
        int ranks = 1;
        int cpus = 1;  ///< of all ranks
        int gpus = 0;
        double memory_mb = 0, time_s = 0;
    };
    Needs resources(std::size_t point) const;
    /// Steps times samples, for kinds that train; else 1. Of use only beside others of the same stage.
    double cost(std::size_t point) const;
    /// What the plan keeps for one run, in bytes.
    std::size_t bytes_a_run() const;

    /// The sweep with nothing left to look up, for the sweep's own folder; Plan::parse reads the same plan
    /// back (other than the content hashes of inputs, which are asked for again).
    const std::string& frozen() const { return frozen_; }

  private:
    Plan();
    struct Links;
    void link(std::vector<Mistake>& problems);
    void name_keys();
    std::size_t target(std::size_t stage, std::size_t point, std::size_t reference) const;

    std::unique_ptr<SweepFile> file_;  ///< grids refer to its stages
    std::vector<std::unique_ptr<Grid>> grids_;
    std::vector<std::size_t> first_;  ///< point of each stage, and the number of all
    std::unique_ptr<Links> links_;
    std::vector<std::vector<std::size_t>> before_;
    std::vector<Key> keys_;
    std::vector<std::pair<Key, std::uint32_t>> by_key_;  ///< sorted
    std::size_t runs_ = 0;
    std::string frozen_;
};

}  // namespace vtvc::sweep
