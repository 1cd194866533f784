#pragma once
// Measurements of composition, each a job of vtvc-worker of its own.
#include <cstdint>
#include <string>
#include <vector>

#include "output.hpp"

namespace vtvc {

/// bench.json (docs/formats.md) of one bench job with these keys. Throws Exit with the job's code if it
/// fails.
Json measure_composition(std::int64_t threads, const std::vector<std::string>& overrides);

/// Products over tokens, samples, task vectors, active ones, storage and the shapes of networks: a list of
/// flat objects with the same keys. curve: one of them by name, or "all" (ConfigError: there is none of that
/// name). The overrides are applied to every job.
Json measure_curves(const std::string& curve, std::int64_t threads,
                    const std::vector<std::string>& overrides);

}  // namespace vtvc
