// kind = "bank": base and fine-tuned models to one file of task vectors. The same as `vtvc bank build`.
#include "vtvc/storage/bank.hpp"

#include "kinds.hpp"

namespace vtvc {

bool run_bank(RunContext& context, const BankJob& job) {
    if (!context.root()) return true;  // one writer
    std::vector<std::pair<std::string, std::filesystem::path>> tasks;
    for (const BankJob::Row& row : job.tasks) tasks.emplace_back(row.name, row.model);
    build_bank(context.path / "bank.h5", job.base, tasks,
               {job.random_vectors, static_cast<std::uint64_t>(job.common.seed), {}});
    return true;
}

}  // namespace vtvc
