// vtvc sweep: many runs from one file.
#include <CLI/CLI.hpp>

#include "sweep_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/run_folder.hpp"

namespace vtvc {

std::filesystem::path SweepPlace::store_folder() const { return vtvc::store_folder(store); }

void add_sweep_place(CLI::App& verb, SweepPlace& place) {
    verb.add_option("sweep", place.what, "Sweep file, the name of a sweep in the store, or a sweep's folder")
        ->required();
    verb.add_option("--store", place.store, "Folder of all runs (default: VTVC_STORE, else ./vtvc-store)");
    verb.add_option("--scale", place.scale, "The file's [scale.NAME] is laid over it");
}

void add_sweep(CLI::App& app) {
    CLI::App& sweep = *app.add_subcommand("sweep", "Many runs from one file");
    sweep.require_subcommand(1);
    add_sweep_plan(sweep);
    add_sweep_run(sweep);
    add_sweep_look(sweep);
    add_sweep_change(sweep);
    add_sweep_results(sweep);
}

}  // namespace vtvc
