#pragma once
// Where a sweep lies: STORE/sweeps/NAME, and what its files are called.
#include <filesystem>
#include <string>

#include "vtvc/sweep/plan.hpp"

namespace vtvc::sweep {

struct SweepFolder {
    std::filesystem::path path;
    std::filesystem::path file(const std::string& name) const { return path / name; }
    std::filesystem::path frozen() const { return path / "resolved.toml"; }  ///< the plan that is being run
    std::filesystem::path journal() const { return path / "journal.jsonl"; }
    std::filesystem::path requests() const { return path / "requests"; }
    std::filesystem::path log(Key key) const { return path / "logs" / (key_text(key) + ".log"); }
    std::filesystem::path job(Key key) const { return path / "jobs" / (key_text(key) + ".toml"); }
    bool exists() const;
};

/// The folder of a sweep of this name.
SweepFolder sweep_folder(const std::filesystem::path& store, const std::string& name);
/// Finds a started sweep by its name in the store, its folder, or its file. ConfigError: there is none.
SweepFolder find_sweep(const std::string& what, const std::filesystem::path& store);
/// The plan of a sweep file, or the frozen one of a started sweep.
Plan find_plan(const std::string& what, const std::filesystem::path& store, const std::string& scale);

}  // namespace vtvc::sweep
