// kind = "bank": base and fine-tuned models to one file of task vectors. The same as `vtvc bank build`.
#include "vtvc/storage/bank.hpp"

#include "kinds.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

TaskStorage storage_of(const BankJob& job) {
    switch (job.store) {
        case BankStore::f32:
            return {StorageKind::f32, 0};
        case BankStore::bf16:
            return {StorageKind::bf16, 0};
        case BankStore::int8:
            return {StorageKind::int8, 0};
        case BankStore::lowrank:
            return {StorageKind::low_rank, job.rank};
    }
    fail<ConfigError>("unknown way to store a task vector");
}

}  // namespace

bool run_bank(RunContext& context, const BankJob& job) {
    if (!context.root()) return true;  // one writer
    std::vector<std::pair<std::string, std::filesystem::path>> tasks;
    for (const BankJob::Row& row : job.tasks) tasks.emplace_back(row.name, row.model);
    build_bank(context.path / "bank.h5", job.base, tasks,
               {job.random_vectors, static_cast<std::uint64_t>(job.common.seed), storage_of(job)});
    return true;
}

}  // namespace vtvc
