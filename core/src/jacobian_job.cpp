#include "vtvc/core/jacobian_job.hpp"

#include <fmt/format.h>

namespace vtvc {

void JacobianJob::describe(Visitor& v) {
    constexpr auto required = Key::Presence::required;
    common.describe(v);
    v.section("input", "Files that the job reads; their contents are part of the run's identity.");
    v.key("input.bank", bank, {.help = "Bank of task vectors.", .role = Role::input, .presence = required});
    v.key("input.data", data,
          {.help = "Dataset whose logits are differentiated.", .role = Role::input, .presence = required});
    v.key("input.head", head,
          {.help = "Frozen head file of that dataset.", .role = Role::input, .presence = required});
    v.key(
        "input.centre", centre_from,
        {.help = "Method file whose fixed coefficients (task_arithmetic, atlas, per_dataset …) are the point "
                 "of expansion; empty: jacobian.centre.",
         .role = Role::input});
    v.section("compose", "What is composed.");
    v.key("compose.partition", partition, {.help = "What shares one coefficient of a task vector."});
    v.key("compose.exclude", exclude, {.help = "Task vectors of the bank that are left out."});
    window.describe(v);
    v.key("rows.validation", validation_rows,
          {.help = "Rows of the validation split, on which runs measure the tangent's error; 0: all.",
           .unit = "rows",
           .min = 0});
    v.section("jacobian", "Derivatives of the logits in the coefficients about one point.");
    v.key("jacobian.centre", centre,
          {.help = "Every coefficient of the point of expansion; -1: one over the number of task vectors.",
           .min = -1,
           .max = 10});
    v.key("jacobian.store", store, {.help = "How the file keeps them."});
    v.key("jacobian.mode", mode,
          {.help = "Backward takes a pass a class, forward a pass a coefficient; auto: whichever is fewer. "
                   "They differ in rounding.",
           .role = Role::execution});
}

void JacobianJob::check(std::vector<std::string>& problems) const {
    if (!centre_from.empty() && centre != -1)
        problems.push_back(fmt::format(
            "'jacobian.centre' {:g} and 'input.centre' both say where to expand; leave one of them out",
            centre));
    if (store == JacobianStore::int8 && partition == Partition::model)
        problems.emplace_back(
            "'jacobian.store' int8 needs a scale for every number with 'compose.partition' model; use bf16");
}

}  // namespace vtvc
