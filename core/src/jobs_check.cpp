// Mistakes of a job that no single key shows. A problem names its keys in quotes, by their full paths: the
// reader of job files finds by them where it was written.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vtvc/core/jobs.hpp"
#include "vtvc/core/spelling.hpp"

namespace vtvc {
namespace {

using Mistakes = std::vector<std::string>;

template <class Row>
void check_names(const std::vector<Row>& rows, Mistakes& problems) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].name.empty()) {
            problems.push_back(fmt::format("'task.{}.name' is empty", i));
        } else if (!seen.insert(rows[i].name).second) {
            problems.push_back(
                fmt::format("'task.{}.name' is \"{}\" again; names must differ", i, rows[i].name));
        }
    }
}

template <class T>
void check_not_empty(const std::vector<T>& list, std::string_view key, std::string_view why,
                     Mistakes& problems) {
    if (list.empty()) problems.push_back(fmt::format("'{}' is empty ({})", key, why));
}

void check_known(const std::string& value, const std::vector<std::string>& known, std::string_view key,
                 Mistakes& problems) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    problems.push_back(fmt::format("'{}' has \"{}\", which is none of {}{}", key, value,
                                   fmt::join(known, ", "), did_you_mean(value, known)));
}

/// A Jacobian is read where the fidelity asks for it, and only there.
void check_fidelity(const PosteriorJob& job, Mistakes& problems) {
    const std::string fidelity = name_of(job.posterior.fidelity);
    for (std::size_t i = 0; i < job.tasks.size(); ++i) {
        const bool given = !job.tasks[i].jacobian.empty();
        if (given && job.posterior.fidelity == Fidelity::exact)
            problems.push_back(
                fmt::format("'task.{}.jacobian' is not read ('posterior.fidelity' exact differentiates the "
                            "network itself); leave it out, or take tangent or auto",
                            i));
        if (!given && job.posterior.fidelity != Fidelity::exact)
            problems.push_back(fmt::format(
                "missing 'task.{}.jacobian' ('posterior.fidelity' {} trains on it); make it once, for every "
                "run that names it: vtvc run FILE with [job] kind = \"jacobian\" and this job's bank, "
                "partition and rows",
                i, fidelity));
    }
}

}  // namespace

void PretrainJob::check(Mistakes& problems) const { model.check(problems); }

void BankJob::check(Mistakes& problems) const {
    check_names(tasks, problems);
    if (store == BankStore::lowrank && rank < 1)
        problems.push_back("'bank.store' lowrank needs 'bank.rank', the rank to keep (1 or more)");
    if (store != BankStore::lowrank && rank != 0)
        problems.push_back(
            fmt::format("'bank.rank' {} is of 'bank.store' lowrank only, {} has none; leave it out", rank,
                        name_of(store)));
}

void PosteriorJob::check(Mistakes& problems) const {
    check_names(tasks, problems);
    check_fidelity(*this, problems);
    if (protocol == Protocol::transfer && exclude.empty()) {
        problems.push_back(
            "'compose.exclude' is empty ('compose.protocol' transfer leaves the target's own task vector "
            "out); name it there");
    }
    if (posterior.form == Form::hierarchical && !told()) {
        problems.push_back(
            fmt::format("'posterior.form' hierarchical needs to be told the data set ('compose.protocol' {} "
                        "does not tell it); "
                        "use plain, or the protocol addition",
                        name_of(protocol)));
    }
    const std::set<std::string> left_out(exclude.begin(), exclude.end());
    for (std::size_t i = 0; i < tasks.size() && protocol == Protocol::transfer && !exclude.empty(); ++i) {
        const std::string& vector = tasks[i].vector.empty() ? tasks[i].name : tasks[i].vector;
        if (!tasks[i].vector.empty() && !left_out.contains(vector)) {
            problems.push_back(fmt::format(
                "'task.{}.vector' \"{}\" is not in 'compose.exclude' (transfer leaves it out); add it there",
                i, vector));
        }
    }
}

void BaselineJob::check(Mistakes& problems) const {
    PosteriorJob::check(problems);
    if (posterior.fidelity != Fidelity::exact && method != Method::amortised && method != Method::gaussian) {
        problems.push_back(fmt::format(
            "'posterior.fidelity' {} is of amortised methods ('method.name' {} has none); leave it out",
            name_of(posterior.fidelity), name_of(method)));
    }
    if (method == Method::task_arithmetic || method == Method::ties) {
        check_not_empty(scale_grid, "method.scale_grid",
                        "'method.name' " + name_of(method) + " chooses from it", problems);
    }
    if (method == Method::ties) {
        check_not_empty(keep_grid, "method.keep_grid", "'method.name' ties chooses from it", problems);
    }
    if (method == Method::probe) {
        check_not_empty(decay_grid, "method.decay_grid", "'method.name' probe chooses from it", problems);
    }
}

void EvaluateJob::check(Mistakes& problems) const {
    check_names(tasks, problems);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!tasks[i].jacobian.empty())
            problems.push_back(
                fmt::format("'task.{}.jacobian' is not read (evaluation is always exact); leave it out", i));
    }
    check_not_empty(modes, "evaluate.modes", "nothing would be measured", problems);
    const std::vector<std::string> known(EnumNames<Mode>::names.begin(), EnumNames<Mode>::names.end());
    std::set<std::string> seen;
    for (const std::string& mode : modes) {
        check_known(mode, known, "evaluate.modes", problems);
        if (!seen.insert(mode).second)
            problems.push_back(fmt::format("'evaluate.modes' has \"{}\" twice", mode));
    }
}

void PredictJob::check(Mistakes& problems) const {
    check_known(split, {"train", "validation", "test"}, "predict.split", problems);
}

void BenchJob::check(Mistakes& problems) const {
    model.check(problems);
    if (active > tasks)
        problems.push_back(fmt::format("'bench.active' = {} is more than 'bench.tasks' = {}", active, tasks));
}

}  // namespace vtvc
