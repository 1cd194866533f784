#pragma once
// The verbs of vtvc, one file each. A new verb is one new file, one line here and one in verbs.cpp.
namespace CLI {
class App;
}

namespace vtvc {

/// Thrown by a verb that has already said everything and only wants its exit code (core/exit_code.hpp). Any
/// other end goes through the exceptions of core/error.hpp.
struct Exit {
    int code;
};

/// Each registers its sub-commands; their callbacks do the work and run while the command line is parsed.
void add_data(CLI::App& app);
void add_bank(CLI::App& app);
void add_imports(CLI::App& app);  ///< after add_bank, which makes the group "bank"
void add_export(CLI::App& app);
void add_job(CLI::App& app);
void add_run(CLI::App& app);
void add_sweep(CLI::App& app);
void add_report(CLI::App& app);
void add_inspect(CLI::App& app);
void add_verify(CLI::App& app);
void add_bench(CLI::App& app);
void add_doctor(CLI::App& app);

/// What add_bench() measures beside composition.
void add_bench_storage(CLI::App& bench);
void add_bench_sweep(CLI::App& bench);

/// Calls all of the above, in the order in which --help lists them.
void add_verbs(CLI::App& app);

}  // namespace vtvc
