#include "vtvc/jobs/run_job.hpp"

#include <torch/torch.h>

#include <functional>

#include "kinds.hpp"
#include "vtvc/composition/engine.hpp"
#include "vtvc/composition/settings.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_file.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/evaluation/evaluate.hpp"
#include "vtvc/evaluation/predict.hpp"
#include "vtvc/storage/run_identity.hpp"

namespace vtvc {
namespace {

/// A kind's own function behind one signature.
template <class J>
bool call(RunContext& context, const Job& job, bool (*run)(RunContext&, const J&)) {
    return run(context, dynamic_cast<const J&>(job));
}

bool dispatch(RunContext& context, const Job& job) {
    const std::string_view kind = job.kind();
    if (kind == "pretrain") return call(context, job, run_pretrain);
    if (kind == "finetune") return call(context, job, run_finetune);
    if (kind == "head") return call(context, job, run_head);
    if (kind == "bank") return call(context, job, run_bank);
    if (kind == "features") return call(context, job, run_features);
    if (kind == "jacobian") return call(context, job, run_jacobian);
    if (kind == "posterior" || kind == "baseline") return call(context, job, run_posterior);
    if (kind == "bench") return call(context, job, run_bench);
    if (kind == "evaluate") return run_evaluate(context, dynamic_cast<const EvaluateJob&>(job)), true;
    if (kind == "predict") return run_predict(context, dynamic_cast<const PredictJob&>(job)), true;
    fail<ConfigError>("jobs of kind '{}' are not run by vtvc-worker", kind);
}

}  // namespace

int run_job(Communicator& comm, const JobRequest& request, const std::atomic<bool>& stop_asked) {
    const std::unique_ptr<Job> job = load_job(request.file, request.overrides);
    torch::set_num_threads(static_cast<int>(job->common.threads));
    composition_settings() = {job->common.engine, job->common.packed_memory << 20, Products::f32};
    const std::filesystem::path store =
        store_folder(request.store.empty() ? job->common.store : request.store);
    const RunIdentity identity = comm.rank() == 0 ? identify(*job) : RunIdentity{};
    const std::string id = broadcast_text(comm, identity.id);
    const std::filesystem::path path = RunFolder::folder(store, id);

    const bool done =
        broadcast_text(comm, comm.rank() == 0 && RunFolder::is_done(store, id) ? "done" : "") == "done";
    if (done) {
        if (comm.rank() == 0) {
            say(fmt::format("{} {}: done already", job->kind(), id));
            link_run(job->common.out, path);
        }
        return exit_code::done;
    }
    std::optional<RunFolder> folder;
    if (comm.rank() == 0) {
        folder = RunFolder::claim(store, id);
        if (!std::filesystem::exists(folder->file("job.toml"))) {
            write_atomically(folder->file("job.toml"), read_text(request.file));
        }
        write_atomically(folder->file("resolved.toml"), resolved_toml(*job));
        std::string command = "vtvc-worker " + request.file;
        for (const std::string& text : request.overrides) command += " --set " + text;
        write_atomically(folder->file("provenance.json"),
                         provenance_json(command, comm.size(), identity.inputs));
        folder->status("RUNNING");
    }
    comm.barrier();
    if (comm.rank() == 0) {
        say(job->common.engine == EngineKind::reference
                ? "composed products: reference schemes"
                : fmt::format("composed products: engine cpu ({}), {} threads, up to {} MiB of packed copies",
                              engine_isa(), job->common.threads, job->common.packed_memory));
    }
    RunContext context{comm, folder ? &*folder : nullptr, path, job->common, stop_asked};
    bool finished = false;
    try {
        finished = dispatch(context, *job);
    } catch (const std::exception& error) {
        if (folder) folder->status("FAILED", error.what());
        throw;
    }
    comm.barrier();
    if (!finished) {
        if (folder) folder->status("CHECKPOINTED", "stopped on request; run it again to go on");
        return exit_code::checkpointed;
    }
    if (folder) {
        folder->finish();
        link_run(job->common.out, path);
    }
    return exit_code::done;
}

}  // namespace vtvc
