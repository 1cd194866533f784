#pragma once
// The sub-verbs of `vtvc sweep`, and what they share.
#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace vtvc {

/// A sweep as a command line names it.
struct SweepPlace {
    std::string what;   ///< a sweep file, a name in the store, or a sweep's folder
    std::string store;  ///< empty: VTVC_STORE, else ./vtvc-store
    std::string scale;  ///< of a file; empty: none
    std::filesystem::path store_folder() const;
};
/// Adds SWEEP, --store and --scale.
void add_sweep_place(CLI::App& verb, SweepPlace& place);

void add_sweep_plan(CLI::App& sweep);
void add_sweep_run(CLI::App& sweep);
void add_sweep_look(CLI::App& sweep);     ///< status, logs, explain, export
void add_sweep_change(CLI::App& sweep);   ///< cancel, retry, gc
void add_sweep_results(CLI::App& sweep);  ///< export, verify

}  // namespace vtvc
