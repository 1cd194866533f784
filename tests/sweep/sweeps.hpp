#pragma once
// Sweep files for tests. Their jobs are of the kind bench, which reads no files, but where files matter.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/sweep/plan.hpp"

namespace vtvc::sweep {

inline const std::string bench_head =
    "[sweep]\nname = \"s\"\n[fixed]\njob.kind = \"bench\"\nbench.repetitions = 3\n";

/// The problems of a sweep file, a line each; empty: none.
inline std::string problems_of(const std::string& text, const std::string& scale = "") {
    try {
        Plan::parse(text, "s.toml", scale);
        return "";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

inline std::vector<std::string> names_of(const Plan& plan) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < plan.size(); ++i) names.push_back(plan.name(i));
    return names;
}

}  // namespace vtvc::sweep
