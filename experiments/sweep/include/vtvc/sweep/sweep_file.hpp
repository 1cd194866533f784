#pragma once
// A sweep file as it is written: one or more stages, each a base job and the axes along which it is varied.
// docs/sweeps.md describes every table. What the keys of the jobs mean, plan.hpp asks the jobs' own schema.
#include <cstdint>
#include <string>
#include <vector>

#include "vtvc/core/config_tree.hpp"

namespace vtvc::sweep {

/// One place on an axis: a value for each of its keys, and the name by which tables and references call it.
struct Choice {
    std::string label;
    std::vector<Node> values;
    Place place;
};
/// One key, or several that change together ([[zip]]).
struct Axis {
    std::string name;
    std::vector<std::string> keys;
    std::vector<Choice> choices;
    Place place;
};
/// key = value for each of some keys; all must hold.
struct Condition {
    struct Term {
        std::string key;
        Node value;
    };
    std::vector<Term> terms;
    Place place;
};
/// Axes that exist only where a condition holds.
struct When {
    Condition condition;
    std::vector<Axis> axes;
};

struct Resources {
    std::int64_t ranks = 1;
    std::int64_t cpus_per_rank = 0;  ///< 0: job.threads of the run
    std::int64_t gpus_per_rank = 0;
    double memory_mb = 0;  ///< of all ranks together; 0: not said
    double time_s = 0;     ///< limit of one attempt; 0: none
};

struct Stage {
    std::string name;
    Node job;                        ///< the keys that all of its runs share
    std::string each;                ///< a stage that it has one run for each run of; empty: none
    std::vector<std::string> after;  ///< stages that must be done before, beside those it refers to
    std::vector<Axis> axes;
    std::vector<When> whens;
    std::vector<Condition> excludes;
    std::vector<std::int64_t> seeds;  ///< of job.seed; empty: as the job says
    Resources resources;
    Place place;
};

struct Retry {
    std::int64_t max_attempts = 3;
    std::int64_t max_stalls = 2;  ///< attempts in a row that end without a step more than the one before
    double base_s = 2, factor = 2, max_s = 300, jitter = .25;
    std::vector<std::string> on;  ///< causes; empty: those that may pass (retry.hpp)
};

enum class Goal { maximize, minimize };
struct Metric {
    std::string name;  ///< "validation.accuracy"; empty: none
    Goal goal = Goal::maximize;
};

struct SweepFile {
    std::string name, description;
    std::int64_t seed = 0;
    std::int64_t max_runs = 10'000;  ///< more are started only when somebody says yes
    Metric metric;
    Retry retry;
    std::vector<std::string> exports;   ///< written into the sweep's folder when it ends: "csv", "json"
    std::int64_t keep_checkpoints = 0;  ///< what gc leaves of the checkpoints of a finished run
    std::vector<Stage> stages;          ///< in the order of the file
};

/// Seed i of a sweep: a function of the sweep's seed and i alone, so that every point gets the same.
std::int64_t seed_of(std::int64_t sweep_seed, std::int64_t index);

/// Reads a sweep file with its includes; scale: the [scale.NAME] that is laid over it, empty for none. All
/// that is wrong with the file itself is appended to problems.
SweepFile parse_sweep(const std::string& text, const std::string& name, const std::string& scale,
                      std::vector<Mistake>& problems);

/// The file with every include, scale, range and seed written out; parse_sweep reads the same sweep back.
std::string frozen_text(const SweepFile& file);

}  // namespace vtvc::sweep
