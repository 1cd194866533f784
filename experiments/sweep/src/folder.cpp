#include "vtvc/sweep/folder.hpp"

#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc::sweep {
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_in(const fs::path& store) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(store / "sweeps", none))
        names.push_back(entry.path().filename().string());
    return names;
}

bool is_file(const std::string& what) {
    std::error_code none;
    return fs::is_regular_file(what, none);
}

}  // namespace

bool SweepFolder::exists() const {
    // A run's folder has a resolved.toml too, but no journal.
    std::error_code none;
    return fs::exists(frozen(), none) && fs::exists(journal(), none);
}

SweepFolder sweep_folder(const fs::path& store, const std::string& name) { return {store / "sweeps" / name}; }

SweepFolder find_sweep(const std::string& what, const fs::path& store) {
    if (is_file(what)) {
        const SweepFolder folder = sweep_folder(store, Plan::load(what).file().name);
        if (!folder.exists())
            fail<ConfigError>(
                "the sweep of {} was not started in {} (there is no {}); start it with 'vtvc sweep run'",
                what, store.string(), folder.frozen().string());
        return folder;
    }
    if (const SweepFolder folder{what}; folder.exists()) return folder;
    if (const SweepFolder folder = sweep_folder(store, what); folder.exists()) return folder;
    fail<ConfigError>(
        "there is no sweep '{}' (no file, no sweep's folder, no name in {}){}; --store says where to look",
        what, (store / "sweeps").string(), did_you_mean(what, names_in(store)));
}

Plan find_plan(const std::string& what, const fs::path& store, const std::string& scale) {
    if (is_file(what)) return Plan::load(what, scale);
    if (!scale.empty())
        fail<ConfigError>("--scale {} is for sweep files ('{}' was frozen with its own)", scale, what);
    return Plan::load(find_sweep(what, store).frozen().string());
}

}  // namespace vtvc::sweep
