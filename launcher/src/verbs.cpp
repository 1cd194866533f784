#include "verbs.hpp"

namespace vtvc {

void add_verbs(CLI::App& app) {
    add_data(app);
    add_bank(app);
    add_imports(app);
    add_export(app);
    add_job(app);
    add_run(app);
    add_sweep(app);
    add_report(app);
    add_inspect(app);
    add_verify(app);
    add_bench(app);
    add_doctor(app);
}

}  // namespace vtvc
