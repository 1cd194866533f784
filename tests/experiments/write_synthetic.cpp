// Usage: write_synthetic FOLDER. Writes made-up runs and their report (FOLDER/out, FOLDER/report): for
// looking at the page while working on it, and for recompute.py.
#include <iostream>

#include "synthetic_runs.hpp"
#include "vtvc/experiments/report.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: write_synthetic FOLDER\n";
        return 2;
    }
    try {
        const std::filesystem::path folder(argv[1]);
        std::filesystem::remove_all(folder / "out");
        std::filesystem::remove_all(folder / "store");
        vtvc::write_report(
            {vtvc::testing::write_synthetic_runs(folder), folder / "report", "Synthetic <runs> & tests"});
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
